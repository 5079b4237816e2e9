/** What an operation demands of its caller: one of its scopes, and of a client of one owner that it is about sessions. */
import { type Reach, scopesOf } from '../../domain/access/reach.ts';
import type { OperationDescription } from './operations.ts';
import { HttpProblem } from './reply.ts';

interface Caller {
  readonly reach: Reach;
}

/** Throws 403. */
export function demandScope(caller: Caller, { scopes, ofOwners }: Pick<OperationDescription, 'scopes' | 'ofOwners'>): void {
  if (!ofOwners) demandFleet(caller);
  const had = scopesOf(caller.reach);
  if (had === null || scopes.some((scope) => had.includes(scope))) return;
  const has = had.length === 0 ? 'none' : `only ${had.join(', ')}`;
  const challenge = `${INSUFFICIENT}, scope="${scopes.join(' ')}"`;
  const message = `This needs the scope ${scopes.join(' or ')}, and the token has ${has}`;
  throw new HttpProblem(403, message, { 'www-authenticate': challenge }, { code: 'MISSING_SCOPE' });
}

/** No scope would help, so none is named. */
function demandFleet({ reach }: Caller): void {
  if (reach.owner === null) return;
  const message = 'This client is there for the sessions of one owner, not for servers, the audit and metrics';
  throw new HttpProblem(403, message, { 'www-authenticate': INSUFFICIENT }, { code: 'ONE_OWNER_ONLY' });
}

const INSUFFICIENT = 'Bearer error="insufficient_scope"';

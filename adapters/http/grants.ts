/** What a request for a token asks for by `scope` (RFC 6749, section 3.3), and what of that its client gets. */
import { type Reach, type Scope, scopesOf } from '../../domain/access/reach.ts';
import { knownScopes, nearestScope, scopeNamed, scopesAmong } from '../scopes.ts';

export type Granted =
  | { readonly scopes: readonly Scope[] | null }
  | { readonly refused: 'invalid_request' | 'invalid_scope'; readonly message: string };

/**
 * What the token is to be good for; null: all that there is. In the form, as the standard has it, or in the query, as addresses of the original's clients
 * may have it. Messages hold nothing of what was sent.
 */
export function grantedScopes(form: URLSearchParams, query: URLSearchParams, reach: Reach): Granted {
  const lists = new Set([...form.getAll('scope'), ...query.getAll('scope')]);
  if (lists.size > 1) return { refused: 'invalid_request', message: 'scope must be given once' };
  const wanted = [...lists].flatMap((list) => list.split(' ')).filter((name) => name !== '' && !isElsewhere(name));
  const strange = wanted.find((name) => scopeNamed(name) === undefined);
  if (strange !== undefined) return { refused: 'invalid_scope', message: `A scope is not known: ${knownScopes(strange)}` };
  const had = scopesOf(reach);
  if (wanted.length === 0) return { scopes: had };
  const scopes = scopesAmong(wanted);
  const missing = scopes.filter((scope) => had !== null && !had.includes(scope));
  if (missing.length > 0) return { refused: 'invalid_scope', message: `The client does not have the scope ${missing.join(', ')}` };
  return { scopes };
}

/**
 * One of another authorization server, such as `dcv-session-manager/sm_scope` in the original's guide: clients go on sending it, and it takes nothing away.
 * What may be one of ours misspelt is not passed over, since such a token would be worth more than was asked for.
 */
const isElsewhere = (name: string): boolean => name.includes('/') && scopeNamed(name) === undefined && nearestScope(name) === undefined;

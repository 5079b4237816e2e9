/** Who calls: the check of the bearer token that every operation begins with. */
import type { AccessTokenVerifier } from '../tokens.ts';
import { HttpProblem } from './reply.ts';

export interface BearerDeps {
  readonly tokens: AccessTokenVerifier;
  /** Whether this client is still registered: as a rule an answer from memory, asked on every call. */
  readonly isActive: (clientId: string) => Promise<boolean>;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

/** The id of the client that sent this `Authorization` header. Throws 401 with a sentence that says why not. */
export type BearerCheck = (authorization: string | null) => Promise<string>;

const FORM = /^bearer +([\w.~+/-]+=*) *$/i;

export function createBearerCheck({ tokens, isActive, now }: BearerDeps): BearerCheck {
  return async (authorization) => {
    // The sentence and the bare challenge are what scripts of the original wait for as a sign that the broker is up.
    if (authorization === null) throw unauthorized('No authorization header', 'Bearer');
    const [, token] = FORM.exec(authorization) ?? [];
    if (token === undefined) throw unauthorized('The authorization header is not of the form: Bearer <token>', INVALID);
    const verdict = await tokens.verifyAccessToken(token, 'api', now());
    if ('refused' in verdict) throw unauthorized(SENTENCES[verdict.refused], INVALID);
    if (!(await isActive(verdict.valid.clientId))) throw unauthorized('The client of this token is not registered any more', INVALID);
    return verdict.valid.clientId;
  };
}

const INVALID = 'Bearer error="invalid_token"';
const SENTENCES = { invalid: 'The token is not valid', expired: 'The token has expired' } as const;

const unauthorized = (message: string, challenge: string) => new HttpProblem(401, message, { 'www-authenticate': challenge });

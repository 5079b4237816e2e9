/** Who calls: the check of the bearer token that every operation begins with. */
import { type AccessTokenVerifier, claimedBy } from '../tokens.ts';
import { HttpProblem, type ProblemNotes } from './reply.ts';

export interface BearerDeps {
  readonly tokens: AccessTokenVerifier;
  /** Whether this client is still registered: as a rule an answer from memory, asked on every call. */
  readonly isActive: (clientId: string) => Promise<boolean>;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

/** The id of the client that sent this `Authorization` header. Throws 401 with a sentence that says why not. */
export type BearerCheck = (authorization: string | null) => Promise<string>;

/** Who calls without a token where none is needed. */
const ANYONE = 'anonymous';

const FORM = /^bearer +([\w.~+/-]+=*) *$/i;

export function createBearerCheck({ tokens, isActive, now }: BearerDeps): BearerCheck {
  return async (authorization) => {
    // The sentence and the bare challenge are what scripts of the original wait for as a sign that the broker is up.
    if (authorization === null) throw unauthorized('No authorization header', 'Bearer', { code: 'NO_TOKEN' });
    const [, token] = FORM.exec(authorization) ?? [];
    if (token === undefined)
      throw unauthorized('The authorization header is not of the form: Bearer <token>', INVALID, { code: 'INVALID_TOKEN' });
    const verdict = await tokens.verifyAccessToken(token, 'api', now());
    if ('refused' in verdict) {
      const { code, sentence } = REFUSALS[verdict.refused];
      throw unauthorized(sentence, INVALID, { code, claimedClient: claimedBy(token) });
    }
    const { clientId } = verdict.valid;
    if (await isActive(clientId)) return clientId;
    const notes = { code: 'CLIENT_UNREGISTERED', claimedClient: clientId };
    throw unauthorized('The client of this token is not registered any more', INVALID, notes);
  };
}

/** Where nobody needs a token: whoever brings a good one goes by its name all the same, so that the audit knows who it was. */
export const withoutNeed =
  (check: BearerCheck): BearerCheck =>
  async (authorization) => {
    if (authorization === null) return ANYONE;
    return check(authorization).catch((error) => {
      if (error instanceof HttpProblem) return ANYONE;
      throw error;
    });
  };

const INVALID = 'Bearer error="invalid_token"';
const REFUSALS = {
  invalid: { code: 'INVALID_TOKEN', sentence: 'The token is not valid' },
  expired: { code: 'EXPIRED_TOKEN', sentence: 'The token has expired' },
} as const;
const unauthorized = (message: string, challenge: string, notes: ProblemNotes) =>
  new HttpProblem(401, message, { 'www-authenticate': challenge }, notes);

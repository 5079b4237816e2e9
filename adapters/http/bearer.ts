/** Who calls: the check of the bearer token that every operation begins with. */
import { EVERYTHING, narrowed, type Reach } from '../../domain/access/reach.ts';
import { KeysUnavailableError } from '../external/key-set.ts';
import { type ExternalRefusal, type ExternalTokens, issuedBy } from '../external/tokens.ts';
import { type AccessTokenVerifier, claimedBy, ISSUER } from '../tokens.ts';
import { HttpProblem, type ProblemNotes } from './reply.ts';

export interface BearerDeps {
  /** Undefined: those that this broker gives out are not taken. */
  readonly tokens: AccessTokenVerifier | undefined;
  /** Absent: nobody else's are. */
  readonly external?: ExternalTokens;
  /** What this client may do now; undefined: it is not registered any more. As a rule an answer from memory, asked on every call. */
  readonly reachOf: (clientId: string) => Promise<Reach | undefined>;
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
}

/** Who calls, and what that client may do by this token. */
export interface Caller {
  readonly id: string;
  readonly reach: Reach;
}

/** The client that sent this `Authorization` header. Throws 401 or 403 with a sentence that says why not, and 503 where that cannot be known. */
export type BearerCheck = (authorization: string | null) => Promise<Caller>;

/** Who calls without a token where none is needed. */
const ANYONE: Caller = { id: 'anonymous', reach: EVERYTHING };

const FORM = /^bearer +([\w.~+/-]+=*) *$/i;

export function createBearerCheck(deps: BearerDeps): BearerCheck {
  const { external } = deps;
  return async (authorization) => {
    // The sentence and the bare challenge are what scripts of the original wait for as a sign that the broker is up.
    if (authorization === null) throw unauthorized('No authorization header', 'Bearer', { code: 'NO_TOKEN' });
    const [, token] = FORM.exec(authorization) ?? [];
    if (token === undefined)
      throw unauthorized('The authorization header is not of the form: Bearer <token>', INVALID, { code: 'INVALID_TOKEN' });
    const issuer = issuedBy(token);
    if (external !== undefined && issuer !== undefined && issuer !== ISSUER) return clientElsewhere(external, token, issuer);
    return clientHere(deps, token, issuer);
  };
}

/** Who calls with a token that this broker, or one like it, gave out. */
async function clientHere({ tokens, reachOf, now }: BearerDeps, token: string, issuer: string | undefined): Promise<Caller> {
  if (tokens === undefined) {
    const sentence = issuer === ISSUER ? NOT_HERE : REFUSALS.invalid.sentence;
    throw unauthorized(sentence, INVALID, { code: 'INVALID_TOKEN' });
  }
  const verdict = await tokens.verifyAccessToken(token, 'api', now());
  if ('refused' in verdict) {
    const { code, sentence } = REFUSALS[verdict.refused];
    throw unauthorized(sentence, INVALID, { code, claimedClient: claimedBy(token) });
  }
  const { clientId, scopes = null } = verdict.valid;
  const reach = await reachOf(clientId);
  if (reach !== undefined) return { id: clientId, reach: narrowed(reach, scopes) };
  const notes = { code: 'CLIENT_UNREGISTERED', claimedClient: clientId };
  throw unauthorized('The client of this token is not registered any more', INVALID, notes);
}

/** Who calls with a token of an authorization server elsewhere. */
async function clientElsewhere(external: ExternalTokens, token: string, issuer: string): Promise<Caller> {
  const verdict = await external.verify(token, issuer).catch((error) => Promise.reject(unavailable(error)));
  if ('valid' in verdict) return { id: verdict.valid.clientId, reach: narrowed(EVERYTHING, verdict.valid.scopes ?? null) };
  const { code, sentence } = REFUSALS[verdict.refused];
  // Whom it says to be of is left out: its ids may look like those of clients registered here.
  if (verdict.refused !== 'scope') throw unauthorized(sentence, INVALID, { code });
  throw new HttpProblem(403, sentence, { 'www-authenticate': 'Bearer error="insufficient_scope"' }, { code });
}

const unavailable = (error: unknown): unknown =>
  error instanceof KeysUnavailableError
    ? new HttpProblem(503, 'The keys of the authorization server cannot be had at the moment', { 'retry-after': '10' }, { code: 'NO_KEYS' })
    : error;

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
const NOT_HERE = 'Tokens of this broker are not taken: its authorization server is another one';
const REFUSALS = {
  invalid: { code: 'INVALID_TOKEN', sentence: 'The token is not valid' },
  expired: { code: 'EXPIRED_TOKEN', sentence: 'The token has expired' },
  'unknown-issuer': { code: 'UNKNOWN_ISSUER', sentence: 'The issuer of the token is not registered' },
  audience: { code: 'OTHER_AUDIENCE', sentence: 'The token is for another audience' },
  scope: { code: 'MISSING_SCOPE', sentence: 'The token lacks a scope that is needed here (berth.required-scope)' },
} as const satisfies Record<ExternalRefusal, object>;
const unauthorized = (message: string, challenge: string, notes: ProblemNotes) =>
  new HttpProblem(401, message, { 'www-authenticate': challenge }, notes);

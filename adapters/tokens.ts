/**
 * The tokens the broker gives out and takes back: JWTs signed with RS256. Access tokens let a client or an agent call an API; connection
 * tokens let one user into one session. Each kind has an audience of its own, so that none passes for another. Brokers that share their
 * signing keys take each other's tokens.
 */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Scope } from '../domain/access/reach.ts';
import { scopesAmong } from './scopes.ts';
import type { SigningKeys } from './secrets/signing-keys.ts';

/** `broker`: what brokers say to each other. */
export type ApiAudience = 'api' | 'agent' | 'broker';

export interface AccessTokenWish {
  readonly clientId: string;
  readonly audience: ApiAudience;
  readonly lifetimeSeconds: number;
  /** Null or absent: all that its client has, and no claim that says so. */
  readonly scopes?: readonly Scope[] | null;
}

/** Whose it is, and how much of what that client may do it is worth. */
export interface TokenContent {
  readonly clientId: string;
  /** Absent: all of it. */
  readonly scopes?: readonly Scope[];
}

/** Who may enter which session. */
export interface Entry {
  readonly sessionId: string;
  /** Milliseconds since 1970 (UTC). Names are given again on hosts, and a session made by hand is known by its name and this. */
  readonly creationTime: number;
  readonly user: string;
}

export interface ConnectionTokenWish extends Entry {
  readonly lifetimeMinutes: number;
}

/** What a token is worth now. `expired`: it was good once. */
export type Verdict<T> = { readonly valid: T } | { readonly refused: 'invalid' | 'expired' };

/** `now` is milliseconds since 1970 (UTC) throughout. */
export interface TokenIssuer {
  issueAccessToken(wish: AccessTokenWish, now: number): Promise<string>;
}

export interface AccessTokenVerifier {
  /** Costs a check of the signature for the first time only. Throws LogFault where the log cannot be asked for a key that is not known yet. */
  verifyAccessToken(token: string, audience: ApiAudience, now: number): Promise<Verdict<TokenContent>>;
}

export interface Tokens extends TokenIssuer, AccessTokenVerifier {
  issueConnectionToken(wish: ConnectionTokenWish, now: number): Promise<string>;
  /** For which session it is, and whether that is still there, is for the caller to compare. Throws LogFault as above. */
  verifyConnectionToken(token: string, now: number): Promise<Verdict<Entry>>;
}

/** What ours say that they are signed by. */
export const ISSUER = 'berth';
const CONNECTION = 'connection';
const ALGORITHM = 'RS256';
/** Ours are below 1,000 characters. */
const MAX_TOKEN_LENGTH = 4096;
const MAX_REMEMBERED = 20_000;

/** What ours all hold. */
const claims = z.object({ sub: z.string(), exp: z.int() });
/** As RFC 9068, section 2.2.3 has it. */
const accessClaims = claims.extend({ scope: z.string().optional() });
/** `sid`: the session; `born`: when it was made, in milliseconds. */
const connectionClaims = claims.extend({ sid: z.string(), born: z.int() });

interface Remembered {
  readonly content: TokenContent;
  readonly audience: ApiAudience;
  /** Milliseconds since 1970 (UTC). */
  readonly expires: number;
}

/** Who a token that was refused says to be of; undefined where it says nothing of the kind. Anyone can write such a token. */
export function claimedBy(token: string): string | undefined {
  try {
    return token.length > MAX_TOKEN_LENGTH ? undefined : decodeJwt(token).sub;
  } catch {
    return undefined;
  }
}

export function createTokens(keys: SigningKeys): Tokens {
  const remembered = new LRUCache<string, Remembered>({ max: MAX_REMEMBERED });
  return {
    issueAccessToken: ({ clientId, audience, lifetimeSeconds, scopes = null }, now) =>
      sign(keys, { sub: clientId, aud: audience, ...(scopes && { scope: scopes.join(' ') }), ...lifetime(now, lifetimeSeconds) }),
    verifyAccessToken: async (token, audience, now) => {
      const known = remembered.get(token);
      if (known !== undefined) return judge(known, audience, now);
      const verdict = await verify(keys, token, { audience, claims: accessClaims }, now);
      if ('refused' in verdict) return verdict;
      const { sub: clientId, exp, scope } = verdict.valid;
      const content: TokenContent = { clientId, ...(scope !== undefined && { scopes: scopesAmong(scope.split(' ')) }) };
      remembered.set(token, { content, audience, expires: exp * 1000 });
      return { valid: content };
    },
    issueConnectionToken: ({ sessionId, creationTime, user, lifetimeMinutes }, now) =>
      sign(keys, { sub: user, aud: CONNECTION, sid: sessionId, born: creationTime, ...lifetime(now, lifetimeMinutes * 60) }),
    verifyConnectionToken: async (token, now) => {
      const verdict = await verify(keys, token, { audience: CONNECTION, claims: connectionClaims }, now);
      if ('refused' in verdict) return verdict;
      const { sub: user, sid: sessionId, born: creationTime } = verdict.valid;
      return { valid: { sessionId, creationTime, user } };
    },
  };
}

/** `iat` and `exp` in seconds, as RFC 7519 has them. */
function lifetime(now: number, seconds: number): { readonly iat: number; readonly exp: number } {
  const iat = Math.floor(now / 1000);
  return { iat, exp: iat + seconds };
}

const sign = ({ current }: SigningKeys, claims: JWTPayload): Promise<string> =>
  new SignJWT({ iss: ISSUER, ...claims }).setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: current.kid }).sign(current.privateKey);

function judge(known: Remembered, audience: ApiAudience, now: number): Verdict<TokenContent> {
  if (known.audience !== audience) return { refused: 'invalid' };
  return now < known.expires ? { valid: known.content } : { refused: 'expired' };
}

/** What a token has to be to be of a kind. */
interface Kind<Claims extends z.ZodType> {
  readonly audience: string;
  readonly claims: Claims;
}

async function verify<Claims extends z.ZodType>(
  keys: SigningKeys,
  token: string,
  { audience, claims }: Kind<Claims>,
  now: number,
): Promise<Verdict<z.infer<Claims>>> {
  if (token.length > MAX_TOKEN_LENGTH) return { refused: 'invalid' };
  const key = await keys.find(keyName(token));
  if (key === undefined) return { refused: 'invalid' };
  try {
    const options = { algorithms: [ALGORITHM], issuer: ISSUER, audience, currentDate: new Date(now) };
    return { valid: claims.parse((await jwtVerify(token, key, options)).payload) };
  } catch (error) {
    return { refused: error instanceof errors.JWTExpired ? 'expired' : 'invalid' };
  }
}

/** Undefined for what is no token at all. */
function keyName(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

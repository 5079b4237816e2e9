/** Access tokens of authorization servers elsewhere: JWTs that are signed with a key that a trusted server publishes, in the name that it is trusted with. */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { AuthServer } from '../../domain/auth-server/events.ts';
import type { TrustedServers } from '../../domain/auth-server/trusted.ts';
import { scopesAmong } from '../scopes.ts';
import type { TokenContent } from '../tokens.ts';
import { createKeySet, type KeySetLimits, type KeySetPorts, KeysUnavailableError } from './key-set.ts';

/** What tokens must have besides a signature. */
export interface ExternalDemands {
  /** Undefined: the audience does not matter. */
  readonly audience: string | undefined;
  /** All of them. */
  readonly scopes: readonly string[];
  /** Whether those of this API count; else such a token is good for everything. */
  readonly scopesCount: boolean;
}

export type ExternalRefusal = 'unknown-issuer' | 'invalid' | 'expired' | 'audience' | 'scope';

/** `clientId` begins with the issuer, so it is never that of a client registered here. */
export type ExternalVerdict = { readonly valid: TokenContent } | { readonly refused: ExternalRefusal };

export interface ExternalTokens {
  /** `issuer` is what the token says. Throws KeysUnavailableError where the keys of its server cannot be had. */
  verify(token: string, issuer: string): Promise<ExternalVerdict>;
}

export interface ExternalPorts extends KeySetPorts {
  readonly trusted: Pick<TrustedServers, 'of' | 'all'>;
  readonly demands: ExternalDemands;
  readonly limits?: KeySetLimits;
}

/** Those that the server signs with a private key, whatever a token says that it is signed with. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** Some put groups and roles into them; a request has to fit into 16 KB with all its headers. */
const MAX_TOKEN_LENGTH = 8192;
/** By which the clocks of both may differ. */
const LEEWAY_SECONDS = 30;

const clientName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u);
const texts = z.union([z.string().transform((text) => text.split(' ')), z.array(z.string())]);
/** `token_use` is Cognito's: a token that tells who has logged in, `id`, is none to call with. */
const claims = z
  .looseObject({
    client_id: clientName.optional(),
    azp: clientName.optional(),
    sub: clientName.optional(),
    scope: texts.optional(),
    scp: texts.optional(),
    token_use: z.literal('access').optional(),
  })
  .transform(({ client_id, azp, sub, scope = [], scp = [] }) => ({ client: client_id ?? azp ?? sub, scopes: [...scope, ...scp] }));

/** Who a token says to be signed by, without proof; undefined where it says nothing of the kind. */
export function issuedBy(token: string): string | undefined {
  try {
    const iss: unknown = token.length > MAX_TOKEN_LENGTH ? undefined : decodeJwt(token).iss;
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

export function createExternalTokens(ports: ExternalPorts): ExternalTokens {
  const { trusted, demands } = ports;
  const keysOf = createKeySets(ports);

  async function verifyAt({ url, issuer: registered }: AuthServer, token: string, issuer: string): Promise<ExternalVerdict> {
    try {
      const expected = { issuer, requiredClaims: ['exp'], ...(demands.audience !== undefined && { audience: demands.audience }) };
      const options = { ...expected, algorithms: ALGORITHMS, clockTolerance: LEEWAY_SECONDS, currentDate: new Date(ports.now()) };
      return judge((await jwtVerify(token, keysOf(url), options)).payload, registered, demands);
    } catch (error) {
      return { refused: refusalOf(error) };
    }
  }

  return {
    async verify(token, issuer) {
      let verdict: ExternalVerdict = { refused: 'unknown-issuer' };
      for (const server of trusted.of(issuer)) {
        verdict = await verifyAt(server, token, issuer);
        // It may have been taken back while its keys were fetched.
        if ('valid' in verdict && trusted.of(issuer).includes(server)) return verdict;
      }
      return 'valid' in verdict ? { refused: 'unknown-issuer' } : verdict;
    },
  };
}

function judge(payload: JWTPayload, issuer: string, { scopes, scopesCount }: ExternalDemands): ExternalVerdict {
  const found = claims.safeParse(payload);
  if (!found.success || found.data.client === undefined) return { refused: 'invalid' };
  if (!scopes.every((scope) => found.data.scopes.includes(scope))) return { refused: 'scope' };
  return { valid: { clientId: `${issuer}#${found.data.client}`, ...(scopesCount && { scopes: scopesAmong(found.data.scopes) }) } };
}

/** Rethrows what says nothing about the token. A key of the server that is no good makes no token good either. */
function refusalOf(error: unknown): ExternalRefusal {
  if (error instanceof KeysUnavailableError) throw error;
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') return 'audience';
  return 'invalid';
}

/** One for each server that is trusted: what is fetched once serves all calls. Those of others are let go of. */
function createKeySets({ trusted, limits, now, failed }: ExternalPorts): (url: string) => ReturnType<typeof createKeySet> {
  const sets = new Map<string, ReturnType<typeof createKeySet>>();
  return (url) => {
    const known = sets.get(url);
    if (known !== undefined) return known;
    const urls = new Set(trusted.all().map((server) => server.url));
    for (const other of sets.keys()) if (!urls.has(other)) sets.delete(other);
    const fresh = createKeySet(url, { now, failed }, limits);
    sets.set(url, fresh);
    return fresh;
  };
}

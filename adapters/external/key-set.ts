/**
 * The keys of one authorization server elsewhere, fetched from where it publishes them and kept. What answers there is not trusted with more than keys: the
 * answer is small, quick and not led elsewhere, or it is none. While the server is away, the last good keys go on being used, up to a limit.
 */
import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

/** Keys cannot be had at the moment, so nothing can be said of a token. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

export interface KeySetPorts {
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number;
  /** Told of every fetch that failed. */
  readonly failed: (url: string, error: unknown) => void;
}

export interface KeySetLimits {
  /** For a fetch, to its last byte. */
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly keys: number;
  /** After which keys are fetched again, so that one that was withdrawn does not stay good. */
  readonly freshMs: number;
  /** How long they are used while they cannot be fetched again. */
  readonly keptMs: number;
  /** Between two fetches because of a key that is not known: anybody can write a token that names one. */
  readonly cooldownMs: number;
  /** From a fetch that failed to the next. */
  readonly pauseMs: number;
}

export const KEY_SET_LIMITS: KeySetLimits = {
  timeoutMs: 5_000,
  bytes: 262_144,
  keys: 100,
  freshMs: 10 * 60_000,
  keptMs: 24 * 3_600_000,
  cooldownMs: 30_000,
  pauseMs: 10_000,
};

/** Gives the key that a token names. Throws KeysUnavailableError, or an error of jose's where there is no such key. */
export function createKeySet(url: string, { now, failed }: KeySetPorts, limits: KeySetLimits = KEY_SET_LIMITS): JWTVerifyGetKey {
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failure: { readonly at: number; readonly error: KeysUnavailableError } | undefined;

  const fetchKeys: FetchImplementation = async (address, options) => {
    if (failure !== undefined && now() < failure.at + limits.pauseMs) throw failure.error;
    try {
      const keys = await fetchKeySet(address, options, limits);
      fetchedAt = now();
      failure = undefined;
      return keys;
    } catch (cause) {
      failure = { at: now(), error: new KeysUnavailableError(`The keys at ${url} cannot be had.`, { cause }) };
      failed(url, cause);
      throw failure.error;
    }
  };

  // When keys are old is said here, because the library would have none while they cannot be fetched again.
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: limits.cooldownMs,
    timeoutDuration: limits.timeoutMs,
    [customFetch]: fetchKeys,
  });
  return async (header, token) => {
    if (now() >= fetchedAt + limits.freshMs) {
      await remote.reload().catch((error) => {
        if (now() >= fetchedAt + limits.keptMs) throw error;
      });
    }
    return remote(header, token);
  };
}

type FetchOptions = Parameters<FetchImplementation>[1];

/** An answer that is a key set, whole and within the limits. */
async function fetchKeySet(url: string, options: FetchOptions, limits: KeySetLimits): Promise<Response> {
  const response = await fetch(url, options);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`It was answered with status ${response.status}.`);
  }
  const text = await readUpTo(response, limits.bytes);
  keySet(limits.keys).parse(JSON.parse(text));
  return new Response(text);
}

const keySet = (most: number) => z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(most) });

/** Counted as it comes, after unpacking. */
async function readUpTo({ body }: Response, bytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    if (size > bytes) throw new Error(`The answer is larger than ${bytes} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

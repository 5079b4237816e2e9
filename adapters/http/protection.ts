/** What a door of the broker does against callers who ask too often or guess, and how often it had to. */
import type { MiddlewareHandler } from 'hono';
import { addressOf, lastHop } from './refusals.ts';
import { HttpProblem, refuse } from './reply.ts';
import { createThrottle, type Throttle } from './throttle.ts';

/** Limits that were reached, each with a count since the start. */
export type LimitName =
  | 'requests-of-address'
  | 'requests-of-client'
  | 'guesses-of-address'
  | 'guesses-of-client'
  | 'body-bytes'
  | 'header-bytes'
  | 'request-timeout'
  | 'handshake-timeout'
  | 'connections'
  | 'connections-of-address';

export interface LimitCounters {
  reached(limit: LimitName): void;
  /** For metrics. Limits that were never reached are absent. */
  counts(): Readonly<Partial<Record<LimitName, number>>>;
}

export function createLimitCounters(): LimitCounters {
  const counts = new Map<LimitName, number>();
  return {
    reached: (limit) => void counts.set(limit, (counts.get(limit) ?? 0) + 1),
    counts: () => Object.fromEntries(counts),
  };
}

export interface ProtectionOptions {
  readonly requestsPerSecond: number;
  /** Whether the last address in `X-Forwarded-For` is the caller's. */
  readonly trustsForwardedFor: boolean;
  readonly now: () => number;
  readonly counters: LimitCounters;
}

export interface Protection {
  /** Stands before everything but the questions whether the broker is healthy, and ready. */
  readonly perAddress: MiddlewareHandler;
  /** Throws 429 for a client that asks too often. */
  perClient(client: string): void;
  /** Against guessing at the passwords of clients. */
  guessing(limits: GuessLimits): GuessGuard;
}

/** Failures in a minute, before others are not even tried. */
export interface GuessLimits {
  readonly ofAddress: number;
  readonly ofClient: number;
}

/** Throws 429, or lets an attempt with this client id go on; `harmless` is to be called when it has succeeded, or was none. */
export type GuessGuard = (client: string, address: string | undefined, forwardedFor: string | null) => { harmless(): void };

export function createProtection({ requestsPerSecond, trustsForwardedFor, now, counters }: ProtectionOptions): Protection {
  const throttle = () => createThrottle({ perSecond: requestsPerSecond, burst: requestsPerSecond, now });
  const [addresses, clients] = [throttle(), throttle()];
  const callerAt = (address: string | undefined, forwardedFor: string | null): string =>
    networkOf((trustsForwardedFor ? lastHop(forwardedFor) : undefined) ?? address ?? 'nowhere');

  return {
    perAddress: async (context, next) => {
      const { path } = context.req;
      const caller = callerAt(addressOf(context), context.req.header('x-forwarded-for') ?? null);
      const seconds = path === '/health' || path === '/ready' ? 0 : addresses.take(caller);
      if (seconds > 0) {
        counters.reached('requests-of-address');
        return refuse(429, TOO_MANY, { 'retry-after': String(seconds) });
      }
      await next();
      if (context.res.status === 413) counters.reached('body-bytes');
      return undefined;
    },
    perClient: (client) => demand(clients, client, () => counters.reached('requests-of-client')),
    guessing({ ofAddress, ofClient }) {
      const failures = (burst: number) => createThrottle({ perSecond: burst / 60, burst, now });
      const [byAddress, byClient] = [failures(ofAddress), failures(ofClient)];
      return (client, address, forwardedFor) => {
        const caller = callerAt(address, forwardedFor);
        demand(byAddress, caller, () => counters.reached('guesses-of-address'));
        demand(byClient, client, () => counters.reached('guesses-of-client'));
        return {
          harmless() {
            byAddress.give(caller);
            byClient.give(client);
          },
        };
      };
    },
  };
}

const TOO_MANY = 'Too many requests; try again later.';

function demand(throttle: Throttle, key: string, reached: () => void): void {
  const seconds = throttle.take(key);
  if (seconds === 0) return;
  reached();
  throw new HttpProblem(429, TOO_MANY, { 'retry-after': String(seconds) });
}

/** Whoever has an IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [before = [], after = []] = plain.split('::').map((groups) => (groups === '' ? [] : groups.split(':')));
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}

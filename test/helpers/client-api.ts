/** A client API to send requests to, with a token already in hand. Tests go through `call`, so what stands behind it may change. */
import { randomBytes } from 'node:crypto';
import type { Hono } from 'hono';
import type { Test } from 'tap';
import type { Application } from '../../adapters/application.ts';
import type { Attempts } from '../../adapters/audit/attempts.ts';
import type { Audit } from '../../adapters/audit/audit.ts';
import { createBearerCheck } from '../../adapters/http/bearer.ts';
import { createClientApi } from '../../adapters/http/client-api.ts';
import type { ApiLimits } from '../../adapters/http/limits.ts';
import { createTokenEndpoint } from '../../adapters/http/oauth.ts';
import { createLimitCounters, createProtection, type GuessGuard, type Protection } from '../../adapters/http/protection.ts';
import type { NotReady } from '../../adapters/http/ready.ts';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { createOnce, type Once } from '../../adapters/once.ts';
import type { Past } from '../../adapters/replay/past.ts';
import type { PastReads } from '../../adapters/replay/past-reads.ts';
import type { SigningKeys } from '../../adapters/secrets/signing-keys.ts';
import { systemRandom } from '../../adapters/system.ts';
import { createTokens, type Tokens } from '../../adapters/tokens.ts';
import { EVERYTHING, type Reach } from '../../domain/access/reach.ts';
import type { Until } from '../../projections/replay.ts';
import { createMemoryApplication, type MemoryApplication } from './memory-application.ts';
import { description } from './samples.ts';
import { newSigningKeys } from './signing-keys.ts';
import { createSimulatedClock, type SimulatedClock } from './simulated-clock.ts';

export const CLIENT_ID = '5b0a4f0e-6f0e-4f5e-8f3c-3a1f0c9d2b11';
export const CLIENT_PASSWORD = 'bm90IGEgc2VjcmV0+/==';

/** An answer, read whole. `body` is what the JSON says; tests look into it as the text it is. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export interface TestApi {
  readonly app: Hono;
  readonly application: MemoryApplication;
  readonly clock: SimulatedClock;
  readonly tokens: Tokens;
  readonly token: string;
  /** Every error that was logged. */
  readonly logged: readonly object[];
  /** Clients that are registered, all with `CLIENT_PASSWORD`; `CLIENT_ID` from the start, for everything. */
  readonly clients: Map<string, Reach>;
  /** With the token, and `body` as JSON unless it is a text already. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** As it is given, without a token. */
  send(path: string, init?: RequestInit): Promise<Answer>;
}

export interface TestApiOptions {
  readonly limits?: Partial<ApiLimits>;
  /** Operations to put in place of those in memory. */
  readonly broken?: Partial<Application>;
  readonly isHealthy?: () => boolean;
  readonly notReady?: () => readonly NotReady[];
  /** Absent: the past was as the present is, and sessions have the moment for a name. */
  readonly past?: Pick<Past, 'asOf'>;
  readonly once?: Once;
  readonly attempts?: Attempts;
  /** Default: nothing ever happens. */
  readonly audit?: Audit;
  readonly stopping?: AbortSignal;
  /** Default: none that anybody notices. */
  readonly protection?: Protection;
  readonly guard?: GuessGuard;
}

const UNPROTECTED = createProtection({
  requestsPerSecond: 1_000_000,
  trustsForwardedFor: false,
  now: Date.now,
  counters: createLimitCounters(),
});
const UNEVENTFUL: Audit = { page: async () => ({ items: [], seen: 0 }), newest: async () => 0, newer: async () => false };
const pastOf = (application: MemoryApplication, until: Until): PastReads => ({
  ...application,
  async describeSessions(query) {
    const page = await application.describeSessions(query);
    return { ...page, items: page.items.map((view) => ({ ...view, name: JSON.stringify(until) })) };
  },
});

/** Made once for each file of tests, because it takes a while. */
let keys: SigningKeys | undefined;

export async function createTestApi(_: Test, options: TestApiOptions = {}): Promise<TestApi> {
  const { limits = {}, broken = {}, isHealthy = () => true, notReady = () => [], attempts = { refused: () => undefined } } = options;
  const clock = createSimulatedClock();
  const random = systemRandom;
  const application = createMemoryApplication({ clock, random });
  keys ??= newSigningKeys();
  const tokens = createTokens(keys);
  const clients = new Map([[CLIENT_ID, EVERYTHING]]);
  const logged: object[] = [];
  const app = createClientApi({
    application: { ...application, ...broken },
    past: options.past ?? { asOf: (until, work) => work(pastOf(application, until)) },
    attempts,
    audit: options.audit ?? UNEVENTFUL,
    stopping: options.stopping ?? new AbortController().signal,
    once: options.once ?? createOnce({ log: openMemoryEventLog(), clock, random }),
    authorize: createBearerCheck({ tokens, reachOf: async (id) => clients.get(id), now: clock.now }),
    issueToken: createTokenEndpoint({
      authenticate: async (id, password) => clients.has(id) && password === CLIENT_PASSWORD,
      reachOf: async (id) => clients.get(id),
      tokens,
      now: clock.now,
      attempts,
      random,
      ...(options.guard && { guard: options.guard }),
    }),
    servesYaml: true,
    protection: options.protection ?? UNPROTECTED,
    nextTokenKey: randomBytes(32),
    isHealthy,
    notReady,
    random,
    log: { error: (fields, message) => void logged.push({ ...fields, message }) },
    limits,
  });
  const token = await tokens.issueAccessToken({ clientId: CLIENT_ID, audience: 'api', lifetimeSeconds: 3600 }, clock.now());
  const send = async (path: string, init: RequestInit = {}) => readAnswer(await app.request(path, init));
  return {
    app,
    application,
    clock,
    tokens,
    token,
    logged,
    clients,
    send,
    call: (method, path, body) =>
      send(path, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : { text } };
}

/** Servers `server-1`, `server-2` …, each with the tag `number`. */
export function addServers(api: TestApi, count: number): void {
  for (let number = 1; number <= count; number += 1) {
    api.application.addServer({
      id: `server-${number}`,
      description: description({
        hostname: `host-${number}`,
        tags: [
          { key: 'dcv:os-family', value: 'linux' },
          { key: 'number', value: String(number) },
        ],
      }),
      loggedInUsers: [],
      consoleSessions: 0,
      virtualSessions: 0,
    });
  }
}

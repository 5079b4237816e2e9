/** What a door of the broker tells the audit of requests that it turned down, and of items of batches. */
import type { HttpBindings } from '@hono/node-server';
import type { Rejection } from '../../domain/decision.ts';
import type { Origin } from '../../domain/facts.ts';
import { type RequestId, type StreamName, streamName } from '../../domain/ids.ts';
import type { Attempts } from '../audit/attempts.ts';
import { HttpProblem } from './reply.ts';

/** A request as the audit knows it. */
export interface Asked {
  readonly operation: string;
  readonly remoteAddress: string | undefined;
}

/** What an item of a batch was about. */
export interface Subject {
  readonly target?: StreamName | undefined;
  readonly owner?: string | undefined;
}

export interface Refusals {
  /** A request that ended with this error, which need not be a refusal. */
  request(error: unknown, origin: Origin): void;
  /** One item of a batch. */
  item(rejection: Rejection, subject: Subject, origin: Origin): void;
}

/** Whoever is not known yet is known by the door. */
export const strangerAt = (door: 'client-api' | 'agent-api', requestId: RequestId): Origin => ({
  cause: { kind: 'broker', id: door },
  requestId,
});

/** Absent where there is no connection, and where the id is missing. */
export const subjectOf = (kind: 'session' | 'server', id: string | null | undefined): StreamName | undefined =>
  id ? streamName(kind, id) : undefined;

/** Of the connection that a request came by; undefined where there is none, as in tests of applications without a port. */
export const addressOf = ({ env }: { readonly env: unknown }): string | undefined =>
  (env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress;

/** What the load balancer itself wrote; what stands before it may be anything. */
export function lastHop(forwardedFor: string | null): string | undefined {
  const last = forwardedFor?.split(',').at(-1)?.trim().slice(0, MAX_ADDRESS_LENGTH);
  return last === '' ? undefined : last;
}

const MAX_ADDRESS_LENGTH = 64;

export function createRefusals(attempts: Attempts, asked: Asked): Refusals {
  return {
    request(error, origin) {
      if (!(error instanceof HttpProblem)) return;
      const { status, message, notes } = error;
      const code = notes.code ?? CODES.get(status);
      if (code === undefined || isNoRefusal.has(code) || status >= 500) return;
      const [claimedClient] = ID.exec(notes.claimedClient ?? '') ?? [];
      const data = { ...asked, status, code, reason: withoutQuotes(message), target: notes.target, claimedClient };
      attempts.refused(data, origin);
    },
    item({ code, reason }, subject, origin) {
      if (!isNoRefusal.has(code)) attempts.refused({ ...asked, status: 200, code, reason, ...subject }, origin);
    },
  };
}

/** What a status that refuses stands for where nobody says more. 409 and 503 mean: not now. */
const CODES: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_REQUEST'],
  [403, 'FORBIDDEN'],
  [404, 'NOT_FOUND'],
  [413, 'TOO_LARGE'],
  [422, 'KEY_REUSED'],
]);

/** Not even tried, or: not now. Scripts ask like this until a broker is up or a session is ready, so these would be all that the audit holds. */
const isNoRefusal: ReadonlySet<string> = new Set([
  'NO_TOKEN',
  'BUSY',
  'TOO_MANY_REQUESTS',
  'SESSION_NOT_READY',
  'NO_SCREENSHOT',
  'RECONNECT',
]);

/** What does not look like an id may be a password that was typed into the wrong field. */
const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** What callers sent is quoted in messages, and may be anything. */
const withoutQuotes = (message: string): string => message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"');

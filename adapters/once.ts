/**
 * Carries a request that has a key out once, however often it is sent. What is known of a key is in the log, so this holds when a broker ends
 * between carrying out and answering: the request is carried out again then, by the same RequestId and with the same ids for whatever it
 * makes, so that every part that was done already is found done.
 */
import { createHash } from 'node:crypto';
import { type ActorPorts, createActors } from '../domain/actors.ts';
import { type Rejection, rejected } from '../domain/decision.ts';
import type { Origin } from '../domain/facts.ts';
import { type SessionId, sessionId } from '../domain/ids.ts';
import { requestKind } from '../domain/request/actor.ts';

/** How long a key stands for its request. */
const KEY_LIFETIME_MS = 86_400_000;

export interface KeyedRequest {
  /** Who sent it: two clients may use the same key. */
  readonly clientId: string;
  readonly key: string;
  readonly operation: string;
  /** What tells it from another request: SHA-256 in hexadecimal. */
  readonly fingerprint: string;
}

/** One attempt at carrying out a request. */
export interface Attempt {
  /** That of the first attempt. */
  readonly origin: Origin;
  /** The id of the session that item `index` asks for, the same in every attempt; absent: any will do, nobody comes again. */
  readonly sessionId?: (index: number) => SessionId;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Rejected: `KEY_REUSED` for another request, or `UNDER_WAY` right now. */
export type Outcome = { readonly done: Answer; readonly isReplayed: boolean } | { readonly rejected: Rejection };

/** `work` must be harmless when done twice with the same origin and ids. Where it throws, nothing is kept, and the next attempt does it again. */
export type Once = (request: KeyedRequest, origin: Origin, work: (attempt: Attempt) => Promise<Answer>) => Promise<Outcome>;

const UNDER_WAY = rejected('UNDER_WAY', 'This request is being carried out; ask again shortly.');

export function createOnce(ports: ActorPorts): Once {
  const requests = createActors(requestKind, ports);
  const underWay = new Set<string>();

  return async ({ clientId, key, operation, fingerprint }, origin, work) => {
    const id = derivedId('request', clientId, key);
    const now = ports.clock.now();
    const acceptance = await requests.execute(id, { type: 'accept', operation, fingerprint, now, expires: now + KEY_LIFETIME_MS }, origin);
    if ('rejected' in acceptance) return acceptance;
    const { answer, round, requestId } = acceptance.snapshot.context;
    if (answer !== null) return { done: answer, isReplayed: true };
    if (underWay.has(id)) return UNDER_WAY;
    underWay.add(id);
    try {
      const first: Origin = { ...origin, requestId };
      const done = await work({ origin: first, sessionId: (index) => sessionId(derivedId('session', id, requestId, index)) });
      await requests.execute(id, { type: 'answer', round, ...done }, first);
      return { done, isReplayed: false };
    } finally {
      underWay.delete(id);
    }
  };
}

/** A UUID of version 8 (RFC 9562, section 5.8): 122 bits of a SHA-256 over the parts. */
function derivedId(...parts: readonly (string | number)[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

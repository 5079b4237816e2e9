/**
 * Requests that wait for a server: first in, first out among those that any server would treat alike, so that one impossible
 * request holds up nobody but its own kind.
 */
import type { SessionId } from '../ids.ts';

/** A request in the queue. */
export interface Waiting {
  readonly sessionId: SessionId;
  /** Requests with the same text are served in order. */
  readonly kind: string;
  /** When it is given up: milliseconds since 1970 (UTC). */
  readonly deadline: number;
}

export interface Queue<W extends Waiting> {
  readonly size: number;
  add(waiting: W): void;
  has(kind: string): boolean;
  holds(sessionId: SessionId): boolean;
  remove(sessionId: SessionId): W | undefined;
  /** The first of each kind. */
  heads(): readonly W[];
  /** Takes out all whose deadline has come. */
  expire(now: number): readonly W[];
  /** The next deadline; undefined when nobody waits. */
  nextDeadline(): number | undefined;
}

export function createQueue<W extends Waiting>(): Queue<W> {
  const byId = new Map<SessionId, W>();
  const kinds = new Map<string, Map<SessionId, W>>();

  function remove(sessionId: SessionId): W | undefined {
    const waiting = byId.get(sessionId);
    if (waiting === undefined) return undefined;
    byId.delete(sessionId);
    const line = kinds.get(waiting.kind);
    line?.delete(sessionId);
    if (line?.size === 0) kinds.delete(waiting.kind);
    return waiting;
  }

  return {
    get size() {
      return byId.size;
    },
    add(waiting) {
      byId.set(waiting.sessionId, waiting);
      const line = kinds.get(waiting.kind);
      if (line === undefined) kinds.set(waiting.kind, new Map([[waiting.sessionId, waiting]]));
      else line.set(waiting.sessionId, waiting);
    },
    has: (kind) => kinds.has(kind),
    holds: (sessionId) => byId.has(sessionId),
    remove,
    heads: () => [...kinds.values()].flatMap(first),
    expire(now) {
      const expired = [...byId.values()].filter(({ deadline }) => deadline <= now);
      for (const { sessionId } of expired) remove(sessionId);
      return expired;
    },
    nextDeadline() {
      let next: number | undefined;
      for (const { deadline } of byId.values()) next = next === undefined ? deadline : Math.min(next, deadline);
      return next;
    },
  };
}

function first<W>(line: ReadonlyMap<SessionId, W>): W[] {
  for (const waiting of line.values()) return [waiting];
  return [];
}

/**
 * Requests that wait for a server, the one that has waited longest first, among those that it could be for: an impossible request holds up
 * nobody but its own kind. Every step takes logarithmic time, however many wait (but for leaving the middle of a long line, which
 * moves the part behind it).
 */
import type { SessionId } from '../ids.ts';
import { settle, takeOut } from './heap.ts';
import { createLines, type Entry, isOlder, type Lines, type Waiting } from './lines.ts';

export interface Queue<W extends Waiting> extends Omit<Lines<W>, 'join' | 'quit' | 'enter' | 'leave'> {
  /** Those that were taken included. */
  readonly size: number;
  /** Without effect where this very one is in the queue. */
  add(waiting: W): void;
  holds(sessionId: SessionId): boolean;
  remove(sessionId: SessionId): void;
  /** Somebody attends to it: it keeps its place and is not found until it is put back. */
  take(sessionId: SessionId): void;
  /** It could not be served, and is passed over with its kind. Without effect where it was removed meanwhile. */
  putBack(sessionId: SessionId): void;
  /** One whose deadline has come and that was not taken. */
  due(now: number): W | undefined;
  /** The next deadline of those that were not taken. */
  nextDeadline(): number | undefined;
}

export function createQueue<W extends Waiting>(): Queue<W> {
  const byId = new Map<SessionId, Entry<W>>();
  const lines = createLines<W>();
  const deadlines: Entry<W>[] = [];
  let came = 0;

  function enter(entry: Entry<W>): void {
    lines.enter(entry);
    settle(deadlines, entry, isOlder);
  }

  function leave(entry: Entry<W>): void {
    lines.leave(entry);
    takeOut(deadlines, entry, isOlder);
  }

  return {
    get size() {
      return byId.size;
    },
    add(waiting) {
      if (byId.has(waiting.sessionId)) return;
      came += 1;
      const entry = { waiting, order: came, line: lines.join(waiting), isTaken: false, place: -1 };
      byId.set(waiting.sessionId, entry);
      enter(entry);
    },
    has: lines.has,
    holds: (sessionId) => byId.has(sessionId),
    remove(sessionId) {
      const entry = byId.get(sessionId);
      if (entry === undefined) return;
      byId.delete(sessionId);
      if (!entry.isTaken) leave(entry);
      lines.quit(entry);
    },
    heads: lines.heads,
    choose: lines.choose,
    first: lines.first,
    chooseNone: lines.chooseNone,
    take(sessionId) {
      const entry = byId.get(sessionId);
      if (entry === undefined || entry.isTaken) return;
      entry.isTaken = true;
      leave(entry);
    },
    putBack(sessionId) {
      const entry = byId.get(sessionId);
      if (entry === undefined || !entry.isTaken) return;
      entry.isTaken = false;
      lines.passOver(entry.waiting.kind);
      enter(entry);
    },
    passOver: lines.passOver,
    countAgain: lines.countAgain,
    due(now) {
      const [next] = deadlines;
      return next !== undefined && next.waiting.deadline <= now ? next.waiting : undefined;
    },
    nextDeadline: () => deadlines[0]?.waiting.deadline,
  };
}

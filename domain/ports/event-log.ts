/** The port to the log: the only truth. Every adapter passes test/adapters/event-log.contract.ts, whole. */
import type { NewFact, Position, RecordedFact, Revision } from '../facts.ts';
import type { StreamName } from '../ids.ts';

/**
 * `appended` means on disk. `revision` and `position` are those of the last fact. A `conflict` wrote nothing: the stream
 * stands at `actualRevision`, not at the expected one.
 */
export type Appended =
  | { readonly outcome: 'appended'; readonly revision: Revision; readonly position: Position }
  | { readonly outcome: 'conflict'; readonly actualRevision: Revision };

/** What was taken out of a stream: its facts up to `revision`. */
export interface Removal {
  readonly revision: Revision;
  /** Of the last of them: what the next fact of the stream follows. */
  readonly hash: string;
  /** Where they are now, in the words of whoever took them. */
  readonly note: string;
}

export interface EventLog {
  /** Others append to it too, so what this process knows of a stream may be behind. */
  readonly isShared: boolean;
  /**
   * Adds facts (1 to 500) to one stream, all or none, if it stands at `expectedRevision` (`NO_STREAM` for none yet). The same
   * facts (same ids, same order) at the same past revision again: `appended` with the first answer, nothing written, so a retry is safe
   * after an unknown outcome. Throws LogBusyError when too much is waiting and LogFault when the log cannot be reached or written.
   */
  append(stream: StreamName, expectedRevision: Revision, facts: readonly NewFact[]): Promise<Appended>;
  /** Up to `limit` facts of one stream in order, from `fromRevision` on. Empty for a stream that is not there. */
  readStream(stream: StreamName, fromRevision: Revision, limit: number): Promise<readonly RecordedFact[]>;
  /** Up to `limit` facts of the whole log in order, behind (not at) `after`. */
  readAll(after: Position, limit: number): Promise<readonly RecordedFact[]>;
  /**
   * Takes all facts of a stream out of the log, if it stands at the revision of `removal` and does not hold the newest fact of all. They are read no
   * more, although whoever follows the log may still meet them. The stream stands where it stood, and its next fact follows that revision.
   * False: nothing was done. True again for a stream whose facts were taken out up to this revision before. Throws LogFault as appending does.
   */
  remove(stream: StreamName, removal: Removal): Promise<boolean>;
  /** What was taken out of a stream last; undefined: nothing ever was. */
  removal(stream: StreamName): Promise<Removal | undefined>;
  /** The notes of all removals, and how many streams have each. May take as long as reading the log. */
  removalNotes(): Promise<ReadonlyMap<string, number>>;
  /** The position of the newest acknowledged fact; `LOG_START` for an empty log. */
  head(): Promise<Position>;
  /** The newest position this process knows of: of its own appends and of what subscriptions have seen. Equal to `head` where nobody else writes. */
  known(): Position;
  /**
   * Delivers every fact behind `after`, in log order, each once, in batches of 1 to 500: first those already there, then new ones as they
   * are acknowledged. The next batch waits for the promise of the one before, so a slow subscriber delays only itself and never a
   * writer. When `deliver` rejects, or the log is lost, `failed` is called once and the subscription is over.
   */
  subscribe(after: Position, deliver: Deliver, failed: (error: Error) => void): Subscription;
  /** Waits for appends under way, ends subscriptions, lets go of the files. */
  close(): Promise<void>;
}

/** The half of a log that changes nothing: what a command needs that looks at the log from outside the broker. */
export type LogReader = Pick<EventLog, 'readStream' | 'readAll' | 'removal' | 'removalNotes' | 'head' | 'subscribe' | 'close'>;

export type Deliver = (facts: readonly RecordedFact[]) => Promise<void>;

export interface Subscription {
  /** Ends it; resolves when no delivery is under way. */
  stop(): Promise<void>;
}

/** Too many appends are waiting: nothing was written, try again later. */
export class LogBusyError extends Error {
  override readonly name = 'LogBusyError';
}

/** The log cannot be reached or written; whether the append took place is unknown. Safe to retry with the same facts. */
export class LogFault extends Error {
  override readonly name = 'LogFault';
}

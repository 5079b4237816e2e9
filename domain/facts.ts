/** What a fact is: something that happened, to one actor, caused by someone. Facts are stored for ever and never changed. */
import type { FactId, RequestId, StreamName } from './ids.ts';

/** Who made a fact happen. `id` is a client id, a server id, a process of the broker (`placing`), or the operating-system user. */
export interface Cause {
  readonly kind: 'client' | 'agent' | 'broker' | 'operator';
  readonly id: string;
}

/** The bare statement: what happened, without who, when and where. `data` is JSON and nothing else. */
export interface Statement {
  readonly type: string;
  readonly data: object;
}

/** The origin of a command, carried into every fact that follows from it. */
export interface Origin {
  readonly cause: Cause;
  readonly requestId: RequestId;
}

/** A fact that is decided but not yet in the log. */
export type NewFact<S extends Statement = Statement> = S &
  Origin & {
    readonly id: FactId;
    /** Which shape `data` has; 1 is the first. Older shapes are lifted on read, never rewritten. */
    readonly schemaVersion: number;
    /** When it was decided: milliseconds since 1970 (UTC). */
    readonly time: number;
    /**
     * What ties it to the fact before it in its stream: SHA-256 as base64url, 43 characters. Given by the layer in adapters/evidence/ on
     * the way into the log; logs only keep it. Absent from facts older than the chain.
     */
    readonly hash?: string;
  };

/** Where in its stream a fact stands: 0, 1, 2 … without gaps. */
export type Revision = number;
/** The revision of a stream that holds nothing. */
export const NO_STREAM: Revision = -1;

/**
 * Where in the whole log a fact stands: a growing safe integer, with gaps, never a count. SQLite numbers facts; EventStoreDB
 * gives the commit offset of the log in bytes, which a double holds exactly up to 9 petabytes.
 */
export type Position = number;
/** The position before the first fact. */
export const LOG_START: Position = 0;

/** A fact as the log gives it back. */
export type RecordedFact<S extends Statement = Statement> = NewFact<S> & {
  readonly stream: StreamName;
  readonly revision: Revision;
  readonly position: Position;
};

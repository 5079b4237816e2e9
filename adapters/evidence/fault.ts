/** What is wrong with a log, and where. */
import type { Position, RecordedFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';

export type FaultKind =
  /** The fact is not what it was when it was written, or the one before it is not. */
  | 'altered'
  /** Revisions are not there, and no note says where they are. */
  | 'missing'
  /** The fact stands behind a later one of its stream. */
  | 'misplaced'
  /** The fact has no hash, although older ones have. */
  | 'unchained'
  /** The fact stands among sealed ones, and no checkpoint knows it. */
  | 'inserted'
  /** The chain holds, but is another than the one that was sealed. */
  | 'rewritten'
  /** The end of a stream is gone, or all of it. */
  | 'cut-off'
  /** The facts between two checkpoints are not in their order, or not the same. */
  | 'reordered'
  /** A fact cannot be read at all. */
  | 'unreadable'
  /** A checkpoint that nobody with the key has signed, or that cannot follow the one before. */
  | 'bad-checkpoint'
  /** A checkpoint that was there, or ought to be, is not. */
  | 'missing-checkpoint'
  /** Facts were moved to an archive that is not there, or not what it was. */
  | 'missing-archive';

export interface Fault {
  readonly fault: FaultKind;
  /** A sentence for people. */
  readonly message: string;
  readonly stream?: StreamName;
  /** Of the fact, or of the first that is missing. */
  readonly revision?: Revision;
  readonly position?: Position;
  readonly type?: string;
  /** The number of the checkpoint that gives it away. */
  readonly checkpoint?: number;
}

/** About one fact. */
export const faultOf = (fault: FaultKind, { stream, revision, position, type }: RecordedFact, message: string): Fault => ({
  fault,
  stream,
  revision,
  position,
  type,
  message,
});

/** A fact as sentences call it. */
export const named = ({ stream, revision, position, type }: RecordedFact): string =>
  `${stream} at revision ${revision} (${type}, position ${position})`;

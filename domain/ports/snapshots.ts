/**
 * The port to states of actors that are kept beside the log, so that a long stream need not be read from its beginning. A cache: losing it costs
 * time and nothing else, and what disagrees with the log is not used.
 */
import type { Position, Revision } from '../facts.ts';
import type { FactId, StreamName } from '../ids.ts';

/** The state of an actor after one fact of its stream. */
export interface KeptState {
  /** Of that fact. */
  readonly revision: Revision;
  readonly position: Position;
  readonly factId: FactId;
  readonly state: State;
}

/** What is particular to a state of a machine: plain JSON. */
export interface State {
  readonly value: string;
  readonly context: object;
}

export interface Snapshots {
  /** The newest that was kept by this very version of the domain; undefined: none, or none that can be read. Never rejects. */
  find(stream: StreamName): Promise<KeptState | undefined>;
  /** In its own time, and perhaps never. */
  keep(stream: StreamName, kept: KeptState): void;
}

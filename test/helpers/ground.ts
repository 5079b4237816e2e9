/** What the brokers of a simulation stand on, one after the other: a clock, the log, and the database of the read models. */
import type { Core } from '../../adapters/core.ts';
import type { MemoryStore } from '../../adapters/memory/event-log.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { ReadDatabase } from '../../projections/database.ts';

export interface Ground {
  open(store: MemoryStore, clock: Clock): Promise<Foundation>;
  /** Resolves when nothing is under way that needs no time to pass. */
  settle(activity: Activity): Promise<void>;
  close(): Promise<void>;
}

export interface Activity {
  /** Of the broker that runs. */
  readonly core: Core | undefined;
  /** Calls from agents that are not answered yet. */
  calls(): number;
}

/** What one broker stands on. */
export interface Foundation {
  readonly clock: Clock;
  readonly log: EventLog;
  readonly database: ReadDatabase;
  /** Its broker has ended in order. */
  close(): Promise<void>;
  /** Its broker was killed. */
  die(): Promise<void>;
}

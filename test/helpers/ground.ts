/** What the brokers of a simulation stand on: a clock, the log, and databases for the read models. */
import type { Core } from '../../adapters/core.ts';
import type { MemoryStore } from '../../adapters/memory/event-log.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { ReadDatabase } from '../../projections/database.ts';

export interface Ground {
  /** How many brokers may stand here at a time. */
  readonly places: number;
  /** For the broker at this place, 0 and up; one after the other. */
  open(store: MemoryStore, clock: Clock, place: number): Promise<Foundation>;
  /** Resolves when nothing is under way that needs no time to pass. */
  settle(activity: Activity): Promise<void>;
  close(): Promise<void>;
}

export interface Activity {
  /** Of the brokers that run. */
  readonly cores: readonly Core[];
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

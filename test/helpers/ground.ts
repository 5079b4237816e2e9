/** What the brokers of a simulation stand on, one after the other: a clock, the log, and the database of the read models. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Core } from '../../adapters/core.ts';
import { type MemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { ReadDatabase } from '../../projections/database.ts';
import { SILENT } from './core.ts';
import { turn } from './simulated-clock.ts';

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

/** A log in memory, which answers at once, and read models in a file. */
export async function createFileGround(): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-simulation-'));
  return {
    async open(store, clock) {
      const log = openMemoryEventLog(store);
      const database = await openReadDatabase(join(folder, 'read-models.sqlite'), { logger: SILENT });
      async function close(): Promise<void> {
        await log.close();
        await database.close();
      }
      return { clock, log, database, close, die: close };
    },
    async settle({ core, calls }) {
      await core?.idle();
      while (calls() > 0) await turn();
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * A ground on which everything happens in a drawn order, so that a run can be repeated exactly and every order is tried some day: appends are
 * committed late and in groups, facts are heard late, queries and transactions overtake each other. Brokers can be killed between any two of
 * these steps. The read models are real, in a SQLite database in memory that all runs of the process share.
 */
import { type MemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { type Connection, openConnection } from '../../adapters/sqlite/connection.ts';
import { createReader, createTransactor } from '../../adapters/sqlite/dialect.ts';
import { LOG_START, type Position } from '../../domain/facts.ts';
import { type Deliver, type EventLog, LogFault } from '../../domain/ports/event-log.ts';
import { type ReadDatabase, SCHEMA, type Tables } from '../../projections/database.ts';
import type { Foundation, Ground } from './ground.ts';
import { createLife, type Life, mortalClock } from './life.ts';
import type { Turns } from './turns.ts';

export interface TurnGround extends Ground {
  readonly trouble: Trouble;
}

/** The connection that all runs share, and how to make it as good as new. */
export interface Tablespace {
  readonly connection: Connection;
  clear(): Promise<void>;
  /** Every row of every table. */
  dump(): Promise<Readonly<Record<string, readonly object[]>>>;
}

export async function openTablespace(): Promise<Tablespace> {
  const connection = await openConnection(':memory:', {});
  await connection.exec(SCHEMA);
  const tables = await connection.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'");
  const others = tables.filter(({ name }) => name !== 'cursor');
  const clearing = [...others.map(({ name }) => `DELETE FROM ${name};`), 'UPDATE cursor SET position = 0;'].join(' ');
  return {
    connection,
    clear: () => connection.exec(`BEGIN; ${clearing} COMMIT;`),
    async dump() {
      const contents: Record<string, readonly object[]> = {};
      for (const { name } of tables) contents[name] = await connection.all<object>(`SELECT * FROM ${name} `);
      return contents;
    },
  };
}

export const DISK_FULL = 'The disk is full.';

/** How many appends, and transactions of the read models, are still to fail. */
export interface Trouble {
  appends: number;
  transactions: number;
}

/** One tablespace a broker. Where there are several they share one log, which outlives them. */
export function createTurnGround(tablespaces: readonly Tablespace[], turns: Turns): TurnGround {
  const trouble: Trouble = { appends: 0, transactions: 0 };
  const isShared = tablespaces.length > 1;
  let shared: EventLog | undefined;

  function openLog(store: MemoryStore): EventLog {
    if (!isShared) return openMemoryEventLog(store);
    shared ??= openMemoryEventLog(store);
    return sharedBy(shared);
  }

  return {
    trouble,
    places: tablespaces.length,
    async open(store, clock, place): Promise<Foundation> {
      const life = createLife();
      const log = createSlowLog(openLog(store), { turns, life, trouble });
      const { connection } = tablespaces[place] as Tablespace;
      return {
        clock: mortalClock(clock, life),
        log,
        database: createSlowDatabase(connection, { turns, life, trouble }),
        async close() {
          await log.close();
          life.end();
        },
        async die() {
          life.end();
          await log.die();
        },
      };
    },
    settle: () => turns.take(Number.POSITIVE_INFINITY),
    close: async () => undefined,
  };
}

/** The log as one of several brokers has it: it knows of what it wrote and of what it was told. */
export function sharedBy(log: EventLog): EventLog {
  let known: Position = LOG_START;
  const learn = (position: Position): void => {
    known = Math.max(known, position);
  };
  return {
    ...log,
    isShared: true,
    known: () => known,
    async append(...parameters) {
      const appended = await log.append(...parameters);
      if (appended.outcome === 'appended') learn(appended.position);
      return appended;
    },
    subscribe(after, deliver, failed) {
      learn(after);
      const hear: Deliver = (facts) => {
        learn(facts.at(-1)?.position ?? LOG_START);
        return deliver(facts);
      };
      return log.subscribe(after, hear, failed);
    },
    close: async () => undefined,
  };
}

interface Slowness {
  readonly turns: Turns;
  readonly life: Life;
  readonly trouble: Trouble;
}

/** Work of a process that is dead is not done. */
function inTurn<T>({ turns, life }: Slowness, work: () => Promise<T>): Promise<T> {
  return life.whileAlive(turns.run(() => (life.isOver ? Promise.reject(new Error('Its process is dead.')) : work())));
}

/** Appends reach the log in the order of their calls, some at a time, as those of a group commit do. */
function createSlowLog(log: EventLog, slowness: Slowness): EventLog & { die(): Promise<void> } {
  const { turns, life, trouble } = slowness;
  const waiting: (() => Promise<void>)[] = [];

  async function commit(most: number): Promise<void> {
    for (const append of waiting.splice(0, most)) await append();
  }

  async function write(...parameters: Parameters<EventLog['append']>): ReturnType<EventLog['append']> {
    if (trouble.appends === 0) return log.append(...parameters);
    trouble.appends -= 1;
    if (turns.draw(2) > 0) await log.append(...parameters);
    throw new LogFault('The disk does not answer.');
  }

  return {
    append(...parameters) {
      const appended = new Promise<Awaited<ReturnType<EventLog['append']>>>((resolve, reject) => {
        waiting.push(() => write(...parameters).then(resolve, reject));
      });
      void turns.run(() => commit(life.isOver ? 0 : 1 + turns.draw(waiting.length)));
      return life.whileAlive(appended);
    },
    remove: (...parameters) => inTurn(slowness, () => log.remove(...parameters)),
    removal: (stream) => inTurn(slowness, () => log.removal(stream)),
    removalNotes: () => inTurn(slowness, () => log.removalNotes()),
    readStream: (...parameters) => inTurn(slowness, () => log.readStream(...parameters)),
    readAll: (...parameters) => inTurn(slowness, () => log.readAll(...parameters)),
    isShared: log.isShared,
    head: () => life.whileAlive(log.head()),
    known: log.known,
    subscribe: (after, deliver, failed) => log.subscribe(after, (facts) => inTurn(slowness, () => deliver(facts)), failed),
    async close() {
      await commit(waiting.length);
      await log.close();
    },
    /** Some of what waited was written, and nobody will ever be told. */
    die: () => commit(turns.draw(waiting.length + 1)),
  };
}

/** Queries see what was committed before their turn; two may be under way at a time. */
function createSlowDatabase(connection: Connection, slowness: Slowness): ReadDatabase {
  const { trouble } = slowness;
  const queries: Connection = { ...connection, all: (...parameters) => inTurn(slowness, () => connection.all(...parameters)) };
  const transactor = createTransactor<Tables>(connection);
  return {
    reader: createReader<Tables>([queries, queries]),
    transactor: {
      transact: (work) =>
        inTurn(slowness, async () => {
          if (trouble.transactions === 0) return transactor.transact(work);
          trouble.transactions -= 1;
          throw new Error(DISK_FULL);
        }),
    },
  };
}

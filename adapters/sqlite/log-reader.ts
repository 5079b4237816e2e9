/**
 * The event log in an SQLite file as another process reads it: beside a running broker or without one. It takes no claim on the data folder,
 * writes nothing and checkpoints nothing, and a page is one statement, so it never holds up the broker.
 */
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Position, RecordedFact } from '../../domain/facts.ts';
import { type Deliver, LogFault, type LogReader, type Subscription } from '../../domain/ports/event-log.ts';
import { type Connection, openConnection } from './connection.ts';
import { refuseNetworkFileSystem } from './file-system.ts';
import { expectSchema } from './log-schema.ts';
import { readHead, readLogPage, readRemoval, readRemovalNotes, readStreamPage } from './log-statements.ts';

/** How often a follower looks for new facts, which is one look at the end of an index. */
const LOOK_INTERVAL_MS = 200;
/** The most facts of one delivery. */
const DELIVERY_LIMIT = 500;
/** Everything that is committed; the writer of the file is elsewhere, and only it knows a head. */
const NEWEST: Position = Number.MAX_SAFE_INTEGER;

/** Throws LogFault with a sentence for the operator when there is no log, or none that can be read. */
export async function openSqliteLogReader(file: string): Promise<LogReader> {
  if (!existsSync(file)) throw new LogFault(`There is no event log ${file}.`);
  try {
    refuseNetworkFileSystem(file, (await statfs(dirname(file))).type);
    return createReader(await openFile(file));
  } catch (cause) {
    throw cause instanceof LogFault ? cause : new LogFault(`The event log ${file} cannot be read: ${cause}`, { cause });
  }
}

async function openFile(file: string): Promise<Connection> {
  const connection = await openConnection(file, { readonly: true });
  try {
    await expectSchema(connection, file);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function createReader(connection: Connection): LogReader {
  const subscriptions = new Set<Subscription>();
  const readAll = (after: Position, limit: number) => faults(readLogPage(connection, after, NEWEST, limit));
  return {
    readStream: (stream, fromRevision, limit) => faults(readStreamPage(connection, stream, NEWEST, { fromRevision, limit })),
    readAll,
    removal: (stream) => faults(readRemoval(connection, stream)),
    removalNotes: () => faults(readRemovalNotes(connection)),
    head: () => faults(readHead(connection)),
    subscribe(after, deliver, failed) {
      const subscription = follow(after, readAll, deliver, failed);
      subscriptions.add(subscription);
      return subscription;
    },
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
      await connection.close();
    },
  };
}

function faults<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((cause: unknown) => {
    throw new LogFault(`The log could not be read: ${cause}`, { cause });
  });
}

type ReadAll = (after: Position, limit: number) => Promise<readonly RecordedFact[]>;

function follow(after: Position, readAll: ReadAll, deliver: Deliver, failed: (error: Error) => void): Subscription {
  const ending = new AbortController();
  const { signal } = ending;
  async function run(): Promise<void> {
    let cursor = after;
    while (!signal.aborted) {
      const facts = await readAll(cursor, DELIVERY_LIMIT);
      if (signal.aborted) return;
      if (facts.length === 0) await sleep(LOOK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      else await deliver(facts);
      cursor = facts.at(-1)?.position ?? cursor;
    }
  }
  // The caller has its subscription in hand before the first delivery.
  const over = Promise.resolve()
    .then(run)
    .catch((error: unknown) => failed(error instanceof Error ? error : new Error(String(error))));
  return {
    stop() {
      ending.abort();
      return over;
    },
  };
}

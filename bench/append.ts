/**
 * Benchmark (c): durable facts a second with closed-loop writers, each waiting for one append before the next. Two baselines in the same
 * run, on the same disk: `sqlite3` by hand, which writes as many facts a commit as there are writers and does nothing else; and the
 * SQLite store of Emmett (`npm ci --prefix bench/emmett`).
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sqlite3 from 'sqlite3';
import { chained } from '../adapters/evidence/chained.ts';
import { openConnection } from '../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { ensureSchema } from '../adapters/sqlite/log-schema.ts';
import { type NewFact, NO_STREAM } from '../domain/facts.ts';
import { factId, requestId, streamName } from '../domain/ids.ts';
import type { Row } from './row.ts';

const WRITERS = [1, 8, 64, 100];
const MEASURED_MS = 2000;
const WARM_UP_MS = 300;

/** One append of one fact by this writer, its `round`th. */
type Append = (writer: number, round: number) => Promise<unknown>;

interface Candidate {
  readonly append: Append;
  close(): Promise<void>;
}

export async function appendBench(): Promise<Row[]> {
  // In the build and not in the temporary folder, which may be kept in memory, where nothing is durable.
  const folder = await mkdtemp(fileURLToPath(new URL('../append-', import.meta.url)));
  try {
    const emmett = await measureEmmett(join(folder, 'emmett.db'));
    const rows: Row[] = [];
    for (const writers of WRITERS) {
      const raw = await measureRaw(join(folder, `raw-${writers}.db`), writers);
      const value = await measure(await openBerth(join(folder, `berth-${writers}.db`)), writers);
      const row = { name: `durable facts, ${writers} ${writers === 1 ? 'writer' : 'writers'}`, value, unit: 'facts/s' };
      rows.push({ ...row, baseline: 'raw sqlite3', ratio: value / raw, aim: '>= 0.5' });
      if (emmett !== undefined) {
        rows.push({ ...row, baseline: 'emmett-sqlite', ratio: value / emmett, ...(writers === 100 ? { aim: '>= 5' } : {}) });
      }
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure({ append, close }: Candidate, writers: number): Promise<number> {
  const start = performance.now() + WARM_UP_MS;
  const end = start + MEASURED_MS;
  let facts = 0;
  async function write(writer: number): Promise<void> {
    for (let round = 0; performance.now() < end; round += 1) {
      await append(writer, round);
      facts += performance.now() > start ? 1 : 0;
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  await close();
  return (facts * 1000) / MEASURED_MS;
}

async function openBerth(file: string): Promise<Candidate> {
  const log = chained(await openSqliteEventLog(file));
  return {
    append: (writer, round) => log.append(streamName('session', `${writer}`), round + NO_STREAM, [newFact()]),
    close: () => log.close(),
  };
}

/** The tables of our log and the statement one would write by hand: one VALUES list, prepared once, every value bound. */
export async function measureRaw(file: string, factsPerCommit: number): Promise<number> {
  const schema = await openConnection(file, {});
  await ensureSchema(schema, file);
  await schema.close();
  const database = new sqlite3.Database(file);
  await new Promise((resolve) =>
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000', resolve),
  );
  const insert = database.prepare(`INSERT INTO facts VALUES ${Array.from({ length: factsPerCommit }, () => `(${'?,'.repeat(12)}?)`)}`);
  const commit = (parameters: unknown[]) =>
    new Promise<void>((resolve, reject) => insert.run(parameters, (error) => (error ? reject(error) : resolve())));
  const parametersOf = (round: number) =>
    Array.from({ length: factsPerCommit }, (_, writer) => {
      const { id, type, schemaVersion, time, cause, requestId, data } = newFact();
      const place = [round * factsPerCommit + writer + 1, writer + 1, round, round === 0 ? `session-${writer}` : null];
      return [...place, id, type, schemaVersion, time, cause.kind, cause.id, requestId, JSON.stringify(data), null];
    }).flat();
  const commits = await measure(
    {
      append: (_, round) => commit(parametersOf(round)),
      close: () => new Promise((resolve) => insert.finalize(() => database.close(() => resolve()))),
    },
    1,
  );
  return commits * factsPerCommit;
}

interface EmmettModule {
  sqliteConnection(options: { readonly fileName: string }): { close(): void };
  getSQLiteEventStore(options: object): { appendToStream(stream: string, events: readonly object[]): Promise<unknown> };
}

/**
 * Undefined when it is not installed. It gets one append at a time on one connection, which is the most it does: its own way, a connection
 * for each append, ends in SQLITE_BUSY with 64 writers, and takes the process with it. It checks no revisions here; our log does.
 */
async function measureEmmett(fileName: string): Promise<number | undefined> {
  const home = fileURLToPath(new URL('../../bench/emmett/', import.meta.url));
  if (!existsSync(join(home, 'node_modules'))) {
    process.stderr.write('Not compared with Emmett, which is not installed: npm ci --prefix bench/emmett\n');
    return undefined;
  }
  const emmett: EmmettModule = createRequire(join(home, 'package.json'))('@event-driven-io/emmett-sqlite');
  const connection = emmett.sqliteConnection({ fileName });
  const store = emmett.getSQLiteEventStore({ fileName, connectionOptions: { singleton: true, connection } });
  const append = () => {
    const { type, data, ...metadata } = newFact();
    return store.appendToStream('session-1', [{ type, data, metadata }]);
  };
  return await measure({ append, close: async () => connection.close() }, 1);
}

function newFact(): NewFact {
  return {
    id: factId(randomUUID()),
    type: 'session.started',
    schemaVersion: 1,
    time: Date.now(),
    cause: { kind: 'agent', id: 'server-1' },
    requestId: requestId('11111111-1111-4111-8111-111111111111'),
    data: { attempt: 1, serverId: randomUUID(), owner: 'ann', name: 'desk', tags: [{ key: 'team', value: 'art' }] },
  };
}

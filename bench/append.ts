/**
 * Benchmark (c): durable facts a second with closed-loop writers, each waiting for one append before the next. Two baselines in the same
 * run, on the same disk: `sqlite3` by hand, which writes as many facts a commit as there are writers and does nothing else; and the
 * SQLite store of Emmett (`npm ci --prefix bench/emmett`). Where EVENTSTORE_URL names an EventStoreDB, the same there, next to its client by itself.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EventStoreDBClient, type JSONType, jsonEvent, NO_STREAM as NOTHING } from '@eventstore/db-client';
import sqlite3 from 'sqlite3';
import { openEventStoreLog } from '../adapters/eventstoredb/event-log.ts';
import { chained } from '../adapters/evidence/chained.ts';
import { openConnection } from '../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { ensureSchema } from '../adapters/sqlite/log-schema.ts';
import { type NewFact, NO_STREAM } from '../domain/facts.ts';
import { factId, requestId, streamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { Row } from './row.ts';

const WRITERS = [1, 8, 64, 100];
const MEASURED_MS = 2000;
const WARM_UP_MS = 1000;

/** One append of one fact by this writer, its `round`th. */
type Append = (writer: number, round: number) => Promise<unknown>;

interface Candidate {
  readonly append: Append;
  close(): Promise<void>;
}

export async function appendBench(eventStoreUrl: string | undefined): Promise<Row[]> {
  // In the build and not in the temporary folder, which may be kept in memory, where nothing is durable.
  const folder = await mkdtemp(fileURLToPath(new URL('../append-', import.meta.url)));
  try {
    const emmett = await measureEmmett(join(folder, 'emmett.db'));
    const rows: Row[] = [];
    for (const writers of WRITERS) {
      const raw = await measureRaw(join(folder, `raw-${writers}.db`), writers);
      const ours = await measure(await openBerth(join(folder, `berth-${writers}.db`)), writers);
      const row = rateRow(`durable facts, ${named(writers)}`, ours);
      rows.push({ ...row, baseline: 'raw sqlite3', ratio: ours.perSecond / raw.perSecond, aim: '>= 0.5' });
      rows.push(slowestRow(`durable facts, ${named(writers)}, p99`, ours, raw, 'one commit of raw sqlite3'));
      if (emmett !== undefined) {
        const ratio = ours.perSecond / emmett.perSecond;
        rows.push({ ...row, baseline: 'emmett-sqlite', ratio, ...(writers === 100 ? { aim: '>= 5' } : {}) });
      }
    }
    return eventStoreUrl === undefined ? rows : [...rows, ...(await eventStoreRows(eventStoreUrl))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function eventStoreRows(url: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const writers of WRITERS) {
    const name = `durable facts in EventStoreDB, ${named(writers)}`;
    const bare = await measure(openClient(url), writers);
    const ours = await measure(await openOnServer(url), writers);
    const row = rateRow(name, ours);
    rows.push({ ...row, baseline: 'its client by itself', ratio: ours.perSecond / bare.perSecond });
    rows.push(slowestRow(`${name}, p99`, ours, bare, 'its client by itself'));
  }
  return rows;
}

const named = (writers: number): string => `${writers} ${writers === 1 ? 'writer' : 'writers'}`;

const rateRow = (name: string, { perSecond }: Measured) => ({ name, value: perSecond, unit: 'facts/s' });

const slowestRow = (name: string, ours: Measured, theirs: Measured, baseline: string): Row => {
  return { name, value: ours.p99Ms, unit: 'ms', baseline, ratio: ours.p99Ms / theirs.p99Ms };
};

/** `p99Ms`: of one append. */
interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
}

async function measure({ append, close }: Candidate, writers: number): Promise<Measured> {
  const start = performance.now() + WARM_UP_MS;
  const end = start + MEASURED_MS;
  const times: number[] = [];
  async function write(writer: number): Promise<void> {
    for (let round = 0; ; round += 1) {
      const asked = performance.now();
      if (asked >= end) return;
      await append(writer, round);
      const done = performance.now();
      if (done > start) times.push(done - asked);
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  await close();
  const p99Ms = times.sort((one, other) => one - other)[Math.floor(times.length * 0.99)] ?? Number.NaN;
  return { perSecond: (times.length * 1000) / MEASURED_MS, p99Ms };
}

/** What one would write by hand: the client's own call, a stream a writer, every append at its revision. */
function openClient(url: string): Candidate {
  const client = EventStoreDBClient.connectionString(url);
  const prefix = `raw${randomBytes(6).toString('hex')}`;
  return {
    append: (writer, round) => {
      const { type, data } = newFact();
      const expectedRevision = round === 0 ? NOTHING : BigInt(round - 1);
      return client.appendToStream(`${prefix}-${writer}`, jsonEvent({ type, data: data as JSONType }), { expectedRevision });
    },
    close: () => client.dispose(),
  };
}

async function openOnServer(url: string): Promise<Candidate> {
  return appending(await openEventStoreLog(url, { streamPrefix: `bench${randomBytes(6).toString('hex')}.` }));
}

async function openBerth(file: string): Promise<Candidate> {
  return appending(await openSqliteEventLog(file));
}

function appending(bare: EventLog): Candidate {
  const log = chained(bare);
  return {
    append: (writer, round) => log.append(streamName('session', `${writer}`), round + NO_STREAM, [newFact()]),
    close: () => log.close(),
  };
}

/** The tables of our log and the statement one would write by hand: one VALUES list, prepared once, every value bound. */
export async function measureRaw(file: string, factsPerCommit: number): Promise<Measured> {
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
  return { ...commits, perSecond: commits.perSecond * factsPerCommit };
}

interface EmmettModule {
  sqliteConnection(options: { readonly fileName: string }): { close(): void };
  getSQLiteEventStore(options: object): { appendToStream(stream: string, events: readonly object[]): Promise<unknown> };
}

/**
 * Undefined when it is not installed. It gets one append at a time on one connection, which is the most it does: its own way, a connection
 * for each append, ends in SQLITE_BUSY with 64 writers, and takes the process with it. It checks no revisions here; our log does.
 */
async function measureEmmett(fileName: string): Promise<Measured | undefined> {
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

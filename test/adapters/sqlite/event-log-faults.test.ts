/** What the log in SQLite does when the world is unkind: killed processes, full disks, strangers at the file, floods. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { type Connection, openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog, type SqliteEventLogOptions } from '../../../adapters/sqlite/event-log.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError, LogFault } from '../../../domain/ports/event-log.ts';
import { startHelper } from '../../helpers/helper-process.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';

const DESK = streamName('desk', '1');
const CHAIR = streamName('chair', '1');
const run = promisify(execFile);

async function open(t: Test, options: SqliteEventLogOptions = {}) {
  const file = join(t.testdir(), 'log.db');
  const log = await openSqliteEventLog(file, options);
  t.teardown(() => log.close());
  return { file, log };
}

/** Another program that has the file open. */
async function stranger(t: Test, file: string): Promise<Connection> {
  const connection = await openConnection(file, {});
  t.teardown(() => connection.close());
  return connection;
}

async function readWholeLog(log: EventLog): Promise<RecordedFact[]> {
  const all: RecordedFact[] = [];
  for (let page = await log.readAll(LOG_START, 5000); page.length > 0; page = await log.readAll(all.at(-1)?.position ?? 0, 5000)) {
    all.push(...page);
  }
  return all;
}

/** Every fact that was acknowledged is there, none twice, and no stream has a gap. */
async function checkStored(t: Test, file: string, acknowledged: readonly string[]): Promise<void> {
  const log = await openSqliteEventLog(file);
  const all = await readWholeLog(log);
  await log.close();
  const stored = new Set(all.map((fact) => fact.id as string));
  t.same(
    acknowledged.filter((id) => !stored.has(id)),
    [],
    `all of ${acknowledged.length} acknowledged facts are stored`,
  );
  t.equal(stored.size, all.length);
  const lengths = new Map<string, number>();
  const gaps = all.filter(({ stream, revision }) => {
    const length = lengths.get(stream) ?? 0;
    lengths.set(stream, length + 1);
    return revision !== length;
  });
  t.same(gaps, []);
  t.ok(
    [...lengths.values()].every((length) => length % 3 === 0),
    'appends are whole',
  );
}

t.test('what was acknowledged is there after the process is killed, however often', async (t) => {
  const file = join(t.testdir(), 'log.db');
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const writer = startHelper(t, 'log-writer', file);
    await writer.said(() => true);
    await sleep(20 + 30 * round);
    await writer.kill();
    t.notOk(writer.lines.includes('fault'));
    acknowledged.push(...writer.lines);
  }
  t.ok(acknowledged.length > 100);
  await checkStored(t, file, acknowledged);
});

t.test('a full disk is a fault, and when there is room again the log goes on', { skip: await lacksLimits() }, async (t) => {
  const file = join(t.testdir(), 'log.db');
  const writer = startHelper(t, 'log-writer', file, 'ulimit -S -f 1000;');
  await writer.said((line) => line === 'fault');
  await run('prlimit', ['--pid', `${writer.pid}`, '--fsize=unlimited:unlimited']);
  const faults = writer.lines.length;
  await writer.said((line) => line !== 'fault', faults);
  await sleep(50);
  await writer.kill();
  await checkStored(
    t,
    file,
    writer.lines.filter((line) => line !== 'fault'),
  );
});

/** The size of a file can be limited for a process, which is a full disk to it, and the limit be lifted, on Linux. */
async function lacksLimits(): Promise<string | false> {
  return run('prlimit', ['--version']).then(
    () => false,
    () => 'there is no prlimit here',
  );
}

t.test('while a stranger locks the file appends fail, and afterwards the same append succeeds', async (t) => {
  const { file, log } = await open(t, { busyTimeoutMs: 30 });
  await log.append(CHAIR, NO_STREAM, newFacts(1));
  const seen: RecordedFact[] = [];
  const subscription = log.subscribe(LOG_START, async (facts) => void seen.push(...facts), t.fail);
  const other = await stranger(t, file);
  await other.exec('BEGIN IMMEDIATE');
  const facts = newFacts(2);
  await t.rejects(log.append(DESK, NO_STREAM, facts), LogFault);
  await t.rejects(log.append(CHAIR, 0, newFacts(1)), { message: /SQLITE_BUSY/ });
  t.equal((await log.readAll(LOG_START, 10)).length, 1, 'reading goes on');
  await other.exec('ROLLBACK');
  t.same(await log.append(DESK, NO_STREAM, facts), { outcome: 'appended', revision: 1, position: 3 });
  t.same(await log.append(CHAIR, 0, newFacts(1)), { outcome: 'appended', revision: 1, position: 4 });
  while (seen.length < 4) {
    await sleep(1);
  }
  await subscription.stop();
  t.same(seen, await log.readAll(LOG_START, 10));
});

t.test('facts that a stranger wrote are noticed before anything is written over them', async (t) => {
  const { file, log } = await open(t);
  await log.append(DESK, NO_STREAM, newFacts(1));
  const seen: RecordedFact[] = [];
  const subscription = log.subscribe(LOG_START, async (facts) => void seen.push(...facts), t.fail);
  const other = await stranger(t, file);
  await other.run(
    `INSERT INTO facts SELECT position + 1, stream, revision + 1, NULL, 'foreign', type, schema_version, time, cause_kind, cause_id, request_id, data,
       hash FROM facts`,
  );
  await t.rejects(log.append(DESK, 0, newFacts(1)), LogFault);
  t.same(await log.append(DESK, 0, newFacts(1)), { outcome: 'conflict', actualRevision: 1 });
  while (seen.length < 2) {
    await sleep(1);
  }
  await subscription.stop();
  t.equal(seen[1]?.id, 'foreign');
});

t.test('appends that fail their check fail alone, although all are committed together', async (t) => {
  const { log } = await open(t);
  const appends = Array.from({ length: 100 }, (_, index) => log.append(streamName('desk', `${index}`), (index % 2) - 1, newFacts(2)));
  const outcomes = (await Promise.all(appends)).map(({ outcome }) => outcome);
  t.same(outcomes, Array.from({ length: 50 }, () => ['appended', 'conflict']).flat());
  t.equal(await log.head(), 100);
});

t.test('more than may wait is turned away at once, and what waits is stored', async (t) => {
  const { log } = await open(t, { waitingFacts: 1200 });
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map((index) => log.append(streamName('desk', `${index}`), NO_STREAM, newFacts(500))),
  );
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  t.match(outcomes[2], { reason: LogBusyError });
  t.match(outcomes[2], { reason: { message: '1000 facts are waiting to be written, and 1200 is the limit. Try again shortly.' } });
  t.match(await log.append(streamName('desk', '3'), NO_STREAM, newFacts(500)), { outcome: 'appended' });
});

t.test('a subscriber learns when facts are gone from the file', async (t) => {
  const { file, log } = await open(t, { recentFacts: 1 });
  await log.append(DESK, NO_STREAM, newFacts(5));
  await (await stranger(t, file)).run('DELETE FROM facts');
  const error = await new Promise((resolve) => log.subscribe(LOG_START, async () => void t.fail('delivered'), resolve));
  t.match(error, { name: 'LogFault', message: 'The log holds nothing behind position 0, although its head is at 5.' });
});

t.test('a subscriber and a reader learn when the log cannot be read', async (t) => {
  const { file, log } = await open(t, { recentFacts: 1 });
  await log.append(DESK, NO_STREAM, newFacts(5));
  await (await stranger(t, file)).exec('DROP VIEW history; ALTER TABLE facts RENAME TO facts_away');
  await t.rejects(log.readStream(DESK, 0, 1), LogFault);
  const error = await new Promise((resolve) => log.subscribe(LOG_START, async () => void t.fail('delivered'), resolve));
  t.match(error, { name: 'LogFault', message: /^The log could not be read: / });
});

t.test('the WAL stays small under constant writes and reads', async (t) => {
  const { file, log } = await open(t);
  let writing = true;
  let reads = 0;
  const read = async () => {
    while (writing) {
      await log.readAll(reads % 100, 3);
      reads += 1;
    }
  };
  const reading = [read(), read(), read(), read()];
  let largest = 0;
  for (let round = 0; round < 30; round += 1) {
    const facts = Array.from({ length: 200 }, () => newFact({ text: 'x'.repeat(10_000) }));
    await log.append(DESK, round * 200 - 1, facts);
    largest = Math.max(largest, (await stat(`${file}-wal`)).size);
  }
  writing = false;
  await Promise.all(reading);
  t.ok((await stat(file)).size > 40e6, 'far more was written');
  t.ok(largest < 30e6, `${largest} bytes at most, after ${reads} reads`);
});

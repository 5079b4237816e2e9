/** Reading a log whose writer is another process, or is gone. */
import { createHash } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog, type SqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../../../adapters/sqlite/log-reader.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { LogFault, type LogReader } from '../../../domain/ports/event-log.ts';
import { startHelper } from '../../helpers/helper-process.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { until } from '../../helpers/until.ts';

const DESK = streamName('desk', '1');

interface Ground {
  readonly file: string;
  readonly log: SqliteEventLog;
  readonly reader: LogReader;
}

async function open(t: Test): Promise<Ground> {
  const file = join(t.testdir(), 'log.sqlite');
  const log = await openSqliteEventLog(file);
  await log.append(DESK, NO_STREAM, newFacts(3));
  const reader = await openSqliteLogReader(file);
  t.teardown(async () => {
    await reader.close();
    await log.close();
  });
  return { file, log, reader };
}

t.test('what the writer has acknowledged is there at once, as the writer itself reads it', async (t) => {
  const { log, reader } = await open(t);
  t.same(await reader.readAll(LOG_START, 10), await log.readAll(LOG_START, 10));
  await log.append(DESK, 2, newFacts(2));
  t.same(await reader.readAll(3, 10), await log.readAll(3, 10));
  t.same(await reader.readStream(DESK, 1, 2), await log.readStream(DESK, 1, 2));
  t.same(await reader.readStream(streamName('desk', 'none'), 0, 2), []);
  t.equal(await reader.head(), await log.head());
});

t.test('a follower gets every fact once and in order, first the old ones, then the new ones as they come', async (t) => {
  const { log, reader } = await open(t);
  await log.append(DESK, 2, newFacts(500));
  await log.append(DESK, 502, newFacts(500));
  const seen: RecordedFact[] = [];
  const sizes: number[] = [];
  const subscription = reader.subscribe(
    1,
    async (facts) => {
      seen.push(...facts);
      sizes.push(facts.length);
    },
    t.fail,
  );
  await until('the old facts', () => seen.length === 1002);
  await log.append(DESK, 1002, newFacts(2));
  await until('the new facts', () => seen.length === 1004);
  await subscription.stop();
  await log.append(DESK, 1004, newFacts(1));
  await sleep(300);
  t.same(
    seen.map((fact) => fact.position),
    Array.from({ length: 1004 }, (_, index) => index + 2),
  );
  t.ok(sizes.every((size) => size >= 1 && size <= 500));
});

t.test('a follower whose delivery fails is told once; one that is stopped before it began gets nothing', async (t) => {
  const { reader } = await open(t);
  const errors: Error[] = [];
  const failing = [new Error('The disk is full.'), 'no error at all'].map((reason) =>
    reader.subscribe(
      LOG_START,
      () => Promise.reject(reason),
      (error) => errors.push(error),
    ),
  );
  await until('both failures', () => errors.length === 2);
  t.same(errors, [new Error('The disk is full.'), new Error('no error at all')]);
  await Promise.all(failing.map((subscription) => subscription.stop()));
  const early = reader.subscribe(LOG_START, async () => void t.fail('it was stopped'), t.fail);
  await early.stop();
  const underWay = reader.subscribe(LOG_START, async () => void t.fail('it was stopped while it read'), t.fail);
  await Promise.resolve();
  await underWay.stop();
});

t.test('closing ends those who follow; whoever reads afterwards is told', async (t) => {
  const { reader } = await open(t);
  const seen: RecordedFact[] = [];
  reader.subscribe(LOG_START, async (facts) => void seen.push(...facts), t.fail);
  await until('the first batch', () => seen.length === 3);
  await reader.close();
  await t.rejects(reader.head(), { name: 'LogFault', message: 'The log could not be read: Error: The database connection is closed.' });
});

t.test('a reader changes nothing, takes no claim, and lets the writer empty the WAL', async (t) => {
  const { file, log, reader } = await open(t);
  await reader.readAll(LOG_START, 10);
  const connection = await openConnection(file, {});
  const [checkpoint] = await connection.all<object>('PRAGMA wal_checkpoint(TRUNCATE)');
  t.match(checkpoint, { busy: 0 }, 'no reader is in its way');
  await connection.close();
  await log.append(DESK, 2, newFacts(1));
  t.equal((await reader.readAll(LOG_START, 10)).length, 4);
});

t.test('the log of a broker that was killed can be read, and is as it was afterwards', async (t) => {
  const file = join(t.testdir(), 'log.sqlite');
  const writer = startHelper(t, 'log-writer', file);
  await writer.said(() => true);
  await sleep(100);
  await writer.kill();
  const digest = async () =>
    createHash('sha256')
      .update(await readFile(file))
      .update(await readFile(`${file}-wal`))
      .digest('hex');
  const before = await digest();
  const reader = await openSqliteLogReader(file);
  const read = new Set((await reader.readAll(LOG_START, 1_000_000)).map(({ id }) => id as string));
  await reader.close();
  t.same(
    writer.lines.filter((id) => !read.has(id)),
    [],
    'all that was acknowledged',
  );
  t.equal(await digest(), before);
});

t.test('what is no log is refused with a sentence and left as it is', async (t) => {
  const folder = t.testdir({ 'text.sqlite': 'Not a database. '.repeat(500), 'empty.sqlite': '' });
  const refused = (name: string, message: string | RegExp) =>
    t.rejects(openSqliteLogReader(join(folder, name)), { constructor: LogFault, message }, name);
  await refused('none.sqlite', `There is no event log ${join(folder, 'none.sqlite')}.`);
  await refused('empty.sqlite', `The event log ${join(folder, 'empty.sqlite')} is empty: its broker has not come so far yet.`);
  await refused('text.sqlite', /^The event log .*text.sqlite cannot be read: Error: SQLITE_NOTADB/);
  t.equal((await stat(join(folder, 'empty.sqlite'))).size, 0);
  const foreign = join(folder, 'foreign.sqlite');
  const connection = await openConnection(foreign, {});
  await connection.exec('CREATE TABLE recipes (name TEXT)');
  await connection.close();
  await refused('foreign.sqlite', `${foreign} is an SQLite database, but not an event log of Berth.`);
  await writeFile(join(folder, 'secret.sqlite'), 'secret');
  await chmod(join(folder, 'secret.sqlite'), 0);
  if (process.getuid?.() !== 0) await refused('secret.sqlite', /cannot be read/);
});

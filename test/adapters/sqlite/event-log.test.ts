import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog, type SqliteEventLogOptions } from '../../../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../../../adapters/sqlite/log-reader.ts';
import { LOG_START, NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { eventLogContract, type OpenLog } from '../event-log.contract.ts';

async function openLog(t: Test, options?: SqliteEventLogOptions): Promise<OpenLog> {
  const file = join(t.testdir(), 'log.db');
  let log = await openSqliteEventLog(file, options);
  t.teardown(() => log.close());
  return {
    log,
    async reopen() {
      await log.close();
      log = await openSqliteEventLog(file, options);
      return log;
    },
  };
}

await eventLogContract(t, 'the log in SQLite', (t) => openLog(t));
await eventLogContract(t, 'the log in SQLite, with next to nothing in memory', (t) => openLog(t, { recentFacts: 3 }));

t.test('the file is for its owner only, and says what keeps it', async (t) => {
  const file = join(t.testdir(), 'log.db');
  const log = await openSqliteEventLog(file);
  t.teardown(() => log.close());
  t.match(log.describe(), { file, sqliteVersion: /^3\./, journalMode: 'wal' });
  await log.append(streamName('desk', '1'), NO_STREAM, newFacts(1));
  for (const name of [file, `${file}-wal`, `${file}-shm`]) {
    t.equal((await stat(name)).mode & 0o777, 0o600, name);
  }
});

t.test('people can read the history by stream name', async (t) => {
  const file = join(t.testdir(), 'log.db');
  const log = await openSqliteEventLog(file);
  await log.append(streamName('desk', '1'), NO_STREAM, newFacts(2));
  await log.close();
  const connection = await openConnection(file, { readonly: true });
  const rows = await connection.all('SELECT stream, revision, time FROM history');
  t.same(rows, [
    { stream: 'desk-1', revision: 0, time: '2023-11-14 22:13:20' },
    { stream: 'desk-1', revision: 1, time: '2023-11-14 22:13:20' },
  ]);
  await connection.close();
});

t.test('a file that is no log of ours, or of a later version, is refused and left as it is', async (t) => {
  const path = t.testdir({ 'text.db': 'Not a database. '.repeat(500) });
  await t.rejects(openSqliteEventLog(join(path, 'text.db')), {
    name: 'LogFault',
    message: `The event log ${join(path, 'text.db')} cannot be opened: Error: SQLITE_NOTADB: file is not a database`,
  });
  await t.rejects(openSqliteEventLog(join(path, 'missing', 'log.db')), { name: 'LogFault', message: /ENOENT/ });
  await t.rejects(openSqliteEventLog(path), { name: 'LogFault', message: /SQLITE_CANTOPEN/ });

  const foreign = join(path, 'foreign.db');
  await execute(foreign, 'CREATE TABLE recipes (name TEXT)');
  await t.rejects(openSqliteEventLog(foreign), { message: `${foreign} is an SQLite database, but not an event log of Berth.` });

  const later = join(path, 'later.db');
  await (await openSqliteEventLog(later)).close();
  await execute(later, 'PRAGMA user_version = 4');
  const message = `${later} was written by a newer version of Berth (format 4; this version reads up to 3).`;
  await t.rejects(openSqliteEventLog(later), { message });
});

t.test('a file of the first format, whose facts have no hash, is read and goes on', async (t) => {
  const file = join(t.testdir(), 'log.db');
  await execute(file, FORMAT_1);
  const stream = streamName('desk', '1');
  const reader = await openSqliteLogReader(file);
  t.match(await reader.readAll(LOG_START, 10), [{ stream, id: 'first' }], 'also before its broker has brought it up to date');
  await reader.close();
  for (const revision of [0, 1]) {
    const log = await openSqliteEventLog(file);
    await log.append(stream, revision, [{ ...newFact(), hash: `hash-${revision}` }]);
    t.same(
      (await log.readAll(LOG_START, 10)).map(({ hash }) => hash),
      [undefined, 'hash-0', 'hash-1'].slice(0, revision + 2),
    );
    await log.close();
  }
  const connection = await openConnection(file, { readonly: true });
  t.match(await connection.all('SELECT stream, hash FROM history LIMIT 2'), [
    { stream, hash: null },
    { stream, hash: 'hash-0' },
  ]);
  await connection.close();
});

t.test('a file of the second format, of which nothing was ever removed, is read and goes on', async (t) => {
  const file = join(t.testdir(), 'log.db');
  const [desk, chair] = [streamName('desk', '1'), streamName('chair', '1')];
  const first = await openSqliteEventLog(file);
  for (const stream of [desk, chair]) await first.append(stream, NO_STREAM, newFacts(1));
  await first.close();
  await execute(file, 'DROP TABLE removed; PRAGMA user_version = 2');
  const reader = await openSqliteLogReader(file);
  t.equal(await reader.removal(desk), undefined);
  await reader.close();
  const log = await openSqliteEventLog(file);
  t.equal(await log.remove(desk, { revision: 0, hash: 'hash', note: 'box 1' }), true);
  t.match(await log.append(desk, NO_STREAM, newFacts(1)), { outcome: 'conflict', actualRevision: 0 });
  await log.close();
  const again = await openSqliteLogReader(file);
  t.same(await again.removal(desk), { revision: 0, hash: 'hash', note: 'box 1' });
  await again.close();
});

/** As the first version made it, with one fact. */
const FORMAT_1 = `
  CREATE TABLE facts (
    position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, name TEXT, id TEXT NOT NULL, type TEXT NOT NULL,
    schema_version INTEGER NOT NULL, time INTEGER NOT NULL, cause_kind TEXT NOT NULL, cause_id TEXT NOT NULL, request_id TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX facts_by_stream ON facts (stream, revision);
  CREATE UNIQUE INDEX streams_by_name ON facts (name) WHERE name IS NOT NULL;
  CREATE VIEW history AS SELECT fact.position FROM facts AS fact;
  INSERT INTO facts VALUES (1, 1, 0, 'desk-1', 'first', 'desk.moved', 1, 1700000000123, 'client', 'ann', 'request', '{}');
  PRAGMA application_id = ${0x42727468};
  PRAGMA user_version = 1`;

async function execute(file: string, sql: string): Promise<void> {
  const connection = await openConnection(file, {});
  await connection.exec(sql);
  await connection.close();
}

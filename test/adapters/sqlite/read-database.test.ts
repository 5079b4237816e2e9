import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { faultOf, openReadDatabase, putInPlace } from '../../../adapters/sqlite/read-database.ts';
import { createRecordingLogger, temporaryFolder } from '../../helpers/read-model.ts';

const CREDENTIAL = { kind: 'api-client', id: '1', name: 'one', hash: 'x', statement_id: null, active: true } as const;

async function visit(t: Test, file: string) {
  const logger = createRecordingLogger();
  const database = await openReadDatabase(file, { logger });
  const kept = await database.reader.selectFrom('credentials').select('id').execute();
  await database.transactor.transact((transaction) => transaction.insertInto('credentials').orIgnore().values(CREDENTIAL).execute());
  t.equal((await database.reader.selectFrom('credentials').select('id').execute()).length, 1);
  return { kept: kept.length, lines: logger.lines, database };
}

async function visitAndLeave(t: Test, file: string) {
  const { kept, lines, database } = await visit(t, file);
  await database.close();
  return { kept, lines };
}

t.test('a read database is made, kept, and for its owner only', async (t) => {
  const file = join(temporaryFolder(t), 'read.db');
  t.strictSame(await visitAndLeave(t, file), { kept: 0, lines: [] });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(await visitAndLeave(t, file), { kept: 1, lines: [] });
});

t.test('a file of another schema version is deleted and said so', async (t) => {
  const file = join(temporaryFolder(t), 'read.db');
  await visitAndLeave(t, file);
  const connection = await openConnection(file, {});
  await connection.exec('PRAGMA user_version = 0');
  await connection.close();
  t.match(await visitAndLeave(t, file), { kept: 0, lines: [{ level: 'warn', details: { file, reason: /schema is version 0/ } }] });
});

t.test('a file that is no database is deleted and said so', async (t) => {
  const file = join(temporaryFolder(t), 'read.db');
  writeFileSync(file, 'Dear diary, today was a day. '.repeat(100));
  t.match(await visitAndLeave(t, file), { kept: 0, lines: [{ level: 'warn', details: { reason: /SQLITE_NOTADB/ } }] });
});

t.test('after a crash the whole file is checked, and deleted if it is damaged', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'read.db');
  await visitAndLeave(t, file);
  const crashed = join(folder, 'crashed.db');
  const bytes = readFileSync(file);
  writeFileSync(crashed, bytes);
  writeFileSync(`${crashed}-wal`, '');
  t.strictSame(await visitAndLeave(t, crashed), { kept: 1, lines: [] }, 'sound');

  bytes.fill(0xff, 4096 * 3);
  writeFileSync(crashed, bytes);
  writeFileSync(`${crashed}-wal`, '');
  t.match(await visitAndLeave(t, crashed), { kept: 0, lines: [{ level: 'warn' }] }, 'damaged');
});

t.test('what a crashed broker left behind without the file does not disturb a new one', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'read.db');
  const { database } = await visit(t, file);
  const wal = readFileSync(`${file}-wal`);
  await database.close();
  const orphan = join(folder, 'orphan.db');
  writeFileSync(`${orphan}-wal`, wal);
  t.strictSame(await visitAndLeave(t, orphan), { kept: 0, lines: [] });
});

t.test('the file is exchanged between queries: those under way end before, those that come meanwhile get the new one', async (t) => {
  const folder = temporaryFolder(t);
  const fresh = join(folder, 'fresh.db');
  const inUse = join(folder, 'read.db');
  await visitAndLeave(t, fresh);
  const database = await openReadDatabase(inUse, { logger: createRecordingLogger() });
  t.teardown(database.close);
  const count = async () => (await database.reader.selectFrom('credentials').select('id').execute()).length;
  const order: string[] = [];
  const told = <T>(name: string, work: Promise<T>) => work.then((value) => void order.push(`${name} ${value}`));
  const before = [told('before', count()), told('before', count()), told('before', count())];
  const transaction = told(
    'transaction',
    database.transactor.transact(async () => (await count()) + (await count())),
  );
  const exchange = told(
    'exchange',
    database.exchange(() => putInPlace(fresh, inUse)),
  );
  const after = [told('after', count()), told('after', count())];
  await Promise.all([...before, transaction, exchange, ...after]);
  t.strictSame(order.slice(0, 3), ['before 0', 'before 0', 'before 0']);
  t.strictSame(
    order.filter((line) => line.startsWith('transaction')),
    ['transaction 0'],
  );
  t.equal(await count(), 1);
  t.notOk(existsSync(fresh));
  await database.transactor.transact((transaction) => transaction.deleteFrom('credentials').execute());
  t.equal(await count(), 0, 'which can be written');
});

t.test('where the exchange fails, what there was is in use again', async (t) => {
  const file = join(temporaryFolder(t), 'read.db');
  const { database } = await visit(t, file);
  t.teardown(database.close);
  await t.rejects(
    database.exchange(() => putInPlace(`${file}.missing`, file)),
    { code: 'ENOENT' },
  );
  t.equal((await database.reader.selectFrom('credentials').select('id').execute()).length, 1);
});

t.test('what a killed process left beside a file goes before another file has its name', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'read.db');
  await visitAndLeave(t, file);
  const fresh = join(folder, 'fresh.db');
  await visitAndLeave(t, fresh);
  writeFileSync(`${file}-wal`, 'of a process that was killed');
  await putInPlace(fresh, file);
  t.notOk(existsSync(`${file}-wal`));
  t.equal(await faultOf(file), undefined);
});

t.test('a file that could not be used is found out before', async (t) => {
  const file = join(temporaryFolder(t), 'read.db');
  writeFileSync(file, 'Dear diary, today was a day. '.repeat(100));
  t.match(await faultOf(file), /SQLITE_NOTADB/);
  t.match(readFileSync(file, 'utf8'), /Dear diary/, 'and left as it is');
});

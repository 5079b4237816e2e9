import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openReadDatabase } from '../../../adapters/sqlite/read-database.ts';
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

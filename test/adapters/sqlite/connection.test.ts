import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Connection, openConnection, sqliteVersion } from '../../../adapters/sqlite/connection.ts';

async function open(t: Test, name = 'test.db'): Promise<{ readonly file: string; readonly connection: Connection }> {
  const file = join(t.testdir(), name);
  const connection = await openConnection(file, {});
  t.teardown(() => connection.close());
  await connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE pair (a INTEGER, b TEXT)');
  return { file, connection };
}

t.test('statements give the number of changed rows, or their rows', async (t) => {
  const { connection } = await open(t);
  t.equal(await connection.run('INSERT INTO pair VALUES (?, ?), (?, ?)', [1, 'one', 1_700_000_000_123, null]), 2);
  t.equal(await connection.run('UPDATE pair SET b = ? WHERE a = 1', ['uno']), 1);
  t.same(await connection.all('SELECT a, b FROM pair WHERE a > ? ORDER BY a', [0]), [
    { a: 1, b: 'uno' },
    { a: 1_700_000_000_123, b: null },
  ]);
  t.equal(await connection.run('DELETE FROM pair'), 2);
  t.match(await sqliteVersion(connection), /^3\.\d+\.\d+$/);
});

t.test('statements run in the order of the calls', async (t) => {
  const { connection } = await open(t);
  const numbers = Array.from({ length: 300 }, (_, number) => number);
  // More different texts than stay prepared.
  await Promise.all(numbers.map((number) => connection.run(`INSERT INTO pair (a) VALUES (${number})`)));
  const rows = await connection.all<{ a: number }>('SELECT a FROM pair ORDER BY rowid');
  t.same(
    rows.map((row) => row.a),
    numbers,
  );
});

t.test('an error has the name that SQLite gives it, and harms no other statement', async (t) => {
  const { connection } = await open(t);
  const outcomes = await Promise.allSettled([
    connection.run('INSERT INTO nothing VALUES (1)'),
    connection.all('SELECT abs(-9223372036854775807 - 1)'),
    connection.exec('CREATE TABLE pair (a)'),
    connection.run('INSERT INTO pair VALUES (1, 2)'),
  ]);
  t.match(outcomes, [
    { reason: { code: 'SQLITE_ERROR' } },
    { reason: { code: 'SQLITE_ERROR' } },
    { reason: { code: 'SQLITE_ERROR' } },
    { value: 1 },
  ]);
});

t.test('a reader changes nothing, and needs the file to be there', async (t) => {
  const { file } = await open(t);
  const reader = await openConnection(file, { readonly: true });
  await t.rejects(reader.run('INSERT INTO pair VALUES (1, 2)'), { code: 'SQLITE_READONLY' });
  await reader.close();
  await t.rejects(openConnection(`${file}.missing`, { readonly: true }), { code: 'SQLITE_CANTOPEN' });
});

t.test('no statement leaves a read transaction behind, which would keep the WAL from being emptied', async (t) => {
  const { file, connection } = await open(t);
  const reader = await openConnection(file, { readonly: true });
  await connection.run('INSERT INTO pair VALUES (1, 1), (2, 2)');
  await reader.run('SELECT a FROM pair');
  await reader.run('PRAGMA table_info(pair)');
  await reader.run('WITH x AS (SELECT a FROM pair) SELECT * FROM x');
  await reader.all('SELECT a FROM pair LIMIT 1');
  await connection.run('INSERT INTO pair VALUES (3, 3) RETURNING a');
  t.same(await connection.all('PRAGMA wal_checkpoint(TRUNCATE)'), [{ busy: 0, log: 0, checkpointed: 0 }]);
  await reader.close();
});

t.test('closing waits for what was called before, and nothing can be called after', async (t) => {
  const { file, connection } = await open(t);
  const inserted = connection.run('INSERT INTO pair VALUES (1, 2)');
  await Promise.all([connection.close(), connection.close()]);
  t.equal(await inserted, 1);
  await t.rejects(connection.all('SELECT 1'), { message: 'The database connection is closed.' });
  const again = await openConnection(file, { busyTimeoutMs: 10 });
  t.equal((await again.all('SELECT * FROM pair')).length, 1);
  await again.close();
});

import { join } from 'node:path';
import { CompiledQuery } from 'kysely';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { createReader, createTransactor } from '../../../adapters/sqlite/dialect.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

interface Schema {
  things: { id: number; name: string };
}

async function open(t: Test, readers = 2) {
  const file = join(temporaryFolder(t), 'test.db');
  const writer = await openConnection(file, {});
  await writer.exec('PRAGMA journal_mode = WAL; CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE)');
  const connections = await Promise.all(Array.from({ length: readers }, () => openConnection(file, { readonly: true })));
  t.teardown(async () => {
    for (const connection of [...connections, writer]) await connection.close();
  });
  return { file, reader: createReader<Schema>(connections), transactor: createTransactor<Schema>(writer) };
}

t.test('a transaction is all or nothing, and its readers see only what is committed', async (t) => {
  const { reader, transactor } = await open(t);
  const names = async () => (await reader.selectFrom('things').select('name').orderBy('id').execute()).map(({ name }) => name);
  const counts = await transactor.transact(async (transaction) => {
    const inserted = await transaction.insertInto('things').values({ id: 1, name: 'one' }).executeTakeFirst();
    t.strictSame(await names(), []);
    const updated = await transaction.updateTable('things').set({ name: 'uno' }).where('id', '=', 1).executeTakeFirst();
    const missed = await transaction.deleteFrom('things').where('id', '=', 2).executeTakeFirst();
    const returned = await transaction.insertInto('things').values({ id: 3, name: 'tre' }).returning('id').execute();
    return [inserted.numInsertedOrUpdatedRows, updated.numUpdatedRows, missed.numDeletedRows, returned];
  });
  t.strictSame(counts, [1n, 1n, 0n, [{ id: 3 }]]);
  t.strictSame(await names(), ['uno', 'tre']);

  const failing = transactor.transact(async (transaction) => {
    await transaction.deleteFrom('things').execute();
    await transaction.insertInto('things').values({ id: 5, name: 'five' }).execute();
    await transaction.insertInto('things').values({ id: 6, name: 'five' }).execute();
  });
  await t.rejects(failing, { code: 'SQLITE_CONSTRAINT' });
  t.strictSame(await names(), ['uno', 'tre']);
});

t.test('transactions take turns, and take the write lock before they read', async (t) => {
  const { file, transactor } = await open(t);
  const add = () =>
    transactor.transact(async (transaction) => {
      const rows = await transaction.selectFrom('things').select('id').execute();
      await transaction
        .insertInto('things')
        .values({ id: rows.length, name: String(rows.length) })
        .execute();
    });
  await Promise.all(Array.from({ length: 20 }, add));
  const other = await openConnection(file, { busyTimeoutMs: 1 });
  t.teardown(() => other.close());
  const locked = transactor.transact(async () => {
    await t.rejects(other.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' });
  });
  await t.resolves(locked);
  t.match(await other.all('SELECT count(*) AS count FROM things'), [{ count: 20 }]);
});

t.test('a reader cannot write', async (t) => {
  const { reader } = await open(t);
  await t.rejects(reader.executeQuery(CompiledQuery.raw("INSERT INTO things VALUES (1, 'one')")), { code: 'SQLITE_READONLY' });
});

t.test('queries wait for a connection in the order in which they came, up to a limit', async (t) => {
  const { reader } = await open(t, 1);
  const done: number[] = [];
  const ask = async (number: number) => {
    await reader.selectFrom('things').select('id').where('id', '=', number).execute();
    done.push(number);
  };
  await Promise.all([1, 2, 3, 4, 5].map(ask));
  t.strictSame(done, [1, 2, 3, 4, 5]);
  const results = await Promise.allSettled(Array.from({ length: 10_050 }, (_, number) => ask(number)));
  const turnedAway = results.filter(({ status }) => status === 'rejected');
  t.equal(turnedAway.length, 49);
  t.match(turnedAway[0], { reason: /Too many queries/ });
  await t.resolves(ask(1), 'and then it goes on');
});

t.test('tables can be listed, and streams are refused', async (t) => {
  const { transactor } = await open(t);
  await transactor.transact(async (transaction) => {
    t.match(await transaction.introspection.getTables(), [{ name: 'things', columns: [{ name: 'id' }, { name: 'name' }] }]);
    const stream = transaction.selectFrom('things').selectAll().stream();
    await t.rejects(stream.next(), /in pages/);
  });
});

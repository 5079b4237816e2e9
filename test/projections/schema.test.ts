import t from 'tap';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import { streamName } from '../../domain/ids.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import { openReadModel } from '../helpers/read-model.ts';

t.test('projections write every column of their tables, and no table twice', async (t) => {
  const model = await openReadModel(t);
  const connection = await openConnection(model.file, { readonly: true });
  t.teardown(() => connection.close());
  const tables = await connection.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'cursor'");
  const shapes = PROJECTIONS.flatMap((projection) => projection.shapes);
  t.strictSame(shapes.map(({ table }) => table).sort(), tables.map(({ name }) => name).sort());
  for (const { table, key, columns } of shapes) {
    const stored = await connection.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', [table]);
    t.strictSame([...key, ...columns].sort(), stored.map(({ name }) => name).sort(), table);
    t.ok(columns.length <= 30);
  }
});

t.test('a batch of large rows is written in several statements', async (t) => {
  const model = await openReadModel(t);
  const owner = 'x'.repeat(3_000_000);
  const reserved = ['a', 'b', 'c', 'd'].map((sessionId) => ({
    type: 'server.slot-reserved',
    data: { sessionId, sessionType: 'VIRTUAL', owner, attempt: 1 },
  }));
  await model.record(streamName('server', 'big'), 1, ...reserved);
  const { rows } = await model.database.reader.executeQuery(model.database.reader.selectFrom('slots').select('session_id').compile());
  t.equal(rows.length, 4);
});

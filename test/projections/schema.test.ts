import t from 'tap';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import { openReadModel, PROJECTIONS } from '../helpers/read-model.ts';

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
  const stream = 'session-big' as Parameters<typeof model.record>[0];
  const text = 'x'.repeat(3_000_000);
  await model.record(stream, 1, ...Array.from({ length: 4 }, () => ({ type: 'session.mystery', data: { text } })));
  const { rows } = await model.database.reader.executeQuery(model.database.reader.selectFrom('history').select('revision').compile());
  t.equal(rows.length, 4);
});

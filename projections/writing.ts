/**
 * Writes merged changes: per table and batch one statement with one parameter, a JSON text that SQLite takes apart (`json_each`) on
 * its own thread. A statement a row, awaited, would be a tenth as fast.
 */
import { type CompiledQuery, type RawBuilder, sql, type Transaction } from 'kysely';
import { type Changes, HEADER, type PendingTable, type Shape } from './changes.ts';
import type { Tables } from './database.ts';

/** Characters in one parameter; a batch of large permission files takes several statements. */
const CHUNK_LENGTH = 4_000_000;

/** The statements of a table, compiled when first needed and then used again. */
interface Statements {
  readonly upsert: CompiledQuery;
  /** By the length of the key that is given: `removals[0]` for one part. */
  readonly removals: readonly CompiledQuery[];
}

export interface ChangeWriter {
  write(transaction: Transaction<Tables>, changes: Changes): Promise<void>;
}

export function createChangeWriter(): ChangeWriter {
  const compiled = new Map<Shape, Statements>();

  function statementsOf(transaction: Transaction<Tables>, shape: Shape): Statements {
    const known = compiled.get(shape);
    if (known) return known;
    const fresh = {
      upsert: (shape.whole ? upsertWhole(shape) : upsertMerged(shape)).compile(transaction),
      removals: shape.key.map((_, index) => removal(shape, index + 1).compile(transaction)),
    };
    compiled.set(shape, fresh);
    return fresh;
  }

  return {
    async write(transaction, changes) {
      for (const table of changes.tables()) {
        const statements = statementsOf(transaction, table.shape);
        for (const [length, statement] of statements.removals.entries()) {
          await runInChunks(transaction, statement, removalsOf(table, length + 1));
        }
        await runInChunks(transaction, statements.upsert, table.rows.values());
      }
    },
  };
}

function removalsOf({ removals, shape }: PendingTable, length: number): Iterable<unknown> {
  if (shape.key.length === 1) return removals.values();
  return [...removals.values()].filter((key) => key.length === length);
}

async function runInChunks(transaction: Transaction<Tables>, statement: CompiledQuery, rows: Iterable<unknown>): Promise<void> {
  for (const chunk of chunksOf(rows)) {
    await transaction.executeQuery({ ...statement, parameters: [chunk] });
  }
}

function* chunksOf(rows: Iterable<unknown>): Iterable<string> {
  let text = '';
  for (const row of rows) {
    text += `${text === '' ? '[' : ','}${JSON.stringify(row)}`;
    if (text.length > CHUNK_LENGTH) {
      yield `${text}]`;
      text = '';
    }
  }
  if (text !== '') yield `${text}]`;
}

const at = (place: number): RawBuilder<unknown> => sql`r.value ->> ${sql.lit(place)}`;
const list = (parts: readonly RawBuilder<unknown>[]): RawBuilder<unknown> => sql.join(parts);
const names = (columns: readonly string[]): RawBuilder<unknown> => list(columns.map((column) => sql.ref(column)));

/** `WHERE true` keeps SQLite from reading `ON CONFLICT` as a join condition. */
function upsertWhole({ table, key, columns }: Shape): RawBuilder<unknown> {
  const all = [...key, ...columns];
  const values = all.map((_, index) => at(HEADER + index));
  return sql`insert into ${sql.table(table)} (${names(all)}) select ${list(values)} from jsonb_each(${'[]'}) as r where true ${onConflict(key, columns)}`;
}

/** A column takes the new value if the row sets it or is new, and keeps its own otherwise. */
function upsertMerged({ table, key, columns }: Shape): RawBuilder<unknown> {
  const missing = key.map((column) => sql`old.${sql.id(column)} is null`);
  const isNew = sql`(${sql.join(missing, sql` and `)})`;
  const merged = columns.map((column, index) => {
    const bit = sql.lit(1 << index);
    return sql`iif((r.value ->> 1) & ${bit} or ${isNew}, ${at(HEADER + key.length + index)}, old.${sql.id(column)})`;
  });
  const values = [...key.map((_, index) => at(HEADER + index)), ...merged];
  const same = key.map((column, index) => sql`old.${sql.id(column)} = ${at(HEADER + index)}`);
  return sql`insert into ${sql.table(table)} (${names([...key, ...columns])})
    select ${list(values)} from jsonb_each(${'[]'}) as r left join ${sql.table(table)} as old on ${sql.join(same, sql` and `)}
    where (r.value ->> 0) = 1 or not ${isNew} ${onConflict(key, columns)}`;
}

/** The position is the rowid and never changes; setting it would move the row. */
function onConflict(key: readonly string[], columns: readonly string[]): RawBuilder<unknown> {
  const sets = columns.filter((column) => column !== 'position').map((column) => sql`${sql.id(column)} = excluded.${sql.id(column)}`);
  return sql`on conflict (${names(key)}) do update set ${list(sets)}`;
}

function removal({ table, key }: Shape, length: number): RawBuilder<unknown> {
  const given = key.slice(0, length);
  const values = given.map((_, index) => at(index));
  return sql`delete from ${sql.table(table)} where (${names(given)}) in (select ${list(values)} from jsonb_each(${'[]'}) as r)`;
}

/**
 * Rows come back as one JSON text for the whole page. SQLite writes it on a thread of the pool, and parsing it costs the event loop a quarter
 * of what taking over the same rows column by column does (measured: 1.4 instead of 6.1 µs for a row of 15 columns).
 */
import { type CompiledQuery, type Expression, type RawBuilder, sql } from 'kysely';
import type { Reader } from './database.ts';

/** The rows of a query, as JSON arrays in an order of their own choice, in one text. */
export function packed(columns: readonly Expression<unknown>[], order: Expression<unknown>): RawBuilder<string> {
  return sql<string>`json_group_array(json_array(${sql.join(columns)}) order by ${order})`;
}

/** A column that holds JSON text, to be packed as what it says. */
export const json = (column: Expression<string | null>): RawBuilder<unknown> => sql`json(${column})`;

/** The other way round: a list as one parameter, so that the statement stays the same whatever its length. */
export const listed = (values: readonly (string | number)[]): RawBuilder<string> => inParameter(JSON.stringify(values));

const inParameter = (text: string): RawBuilder<string> => sql<string>`(select value from json_each(${text}))`;

/** Runs a compiled query that selects `packed(…)` as `rows`. The caller knows what its columns hold. */
export async function unpack<Row>(reader: Reader, query: CompiledQuery<{ readonly rows: string }>): Promise<readonly Row[]> {
  const { rows } = await reader.executeQuery(query);
  return rows.flatMap((row) => JSON.parse(row.rows) as Row[]);
}

/** The same query, compiled once, with other parameters. */
export const withParameters = <Row>(query: CompiledQuery<Row>, ...parameters: readonly unknown[]): CompiledQuery<Row> => ({
  ...query,
  parameters,
});

/**
 * Read models in use next to freshly built ones: the same rows at the same position, or each difference by name. SQLite compares; only what
 * differs comes here.
 */
import type { Position } from '../../domain/facts.ts';
import { SCHEMA_VERSION } from '../../projections/database.ts';
import type { Projection } from '../../projections/projection.ts';
import { type Connection, openConnection } from '../sqlite/connection.ts';

/** A value as SQLite has it: flags are 0 and 1, lists and objects JSON text. */
type Value = string | number | null;

/** Of one row: a column that differs, or that the row is there on one side only. */
export type Difference = { readonly table: string; readonly row: Readonly<Record<string, Value>> } & (
  | { readonly column: string; readonly inUse: Value; readonly rebuilt: Value }
  | { readonly only: 'inUse' | 'rebuilt' }
);

export interface Comparison {
  /** Rows that differ, all of them. */
  readonly rows: number;
  /** Of the first of these rows. */
  readonly differences: readonly Difference[];
}

export interface ReadsInUse {
  /** As of which they stand still from now on, for whoever compares; whoever writes them is not held up. */
  readonly position: Position;
  /** The rows of these read models, where `rebuilt` stands at the same position. At most `limit` rows of each table are described. */
  compare(projections: readonly Projection[], limit: number): Promise<Comparison>;
  close(): Promise<void>;
}

/** Opens two files. Throws with a sentence when the one in use cannot be compared with: of another version of Berth, damaged, or no database. */
export async function openReadsInUse(file: string, rebuilt: string): Promise<ReadsInUse> {
  const connection = await openConnection(file, { readonly: true });
  try {
    const [version] = await connection.all<{ user_version: number }>('PRAGMA user_version');
    if (version?.user_version !== SCHEMA_VERSION) {
      throw new Error(`its tables are those of another version of Berth (${version?.user_version}, here ${SCHEMA_VERSION})`);
    }
    // SQLite attaches nothing within a transaction, so this comes first. What is in it is looked at last.
    await connection.all('ATTACH DATABASE ? AS rebuilt', [rebuilt]);
    await connection.exec('BEGIN');
    const cursors = await connection.all<Cursor>('SELECT position, purged_before FROM main.cursor');
    return {
      ...standingStill(
        connection,
        cursors.reduce((_, cursor) => cursor),
      ),
      close: connection.close,
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

interface Cursor {
  readonly position: Position;
  readonly purged_before: number;
}

function standingStill(connection: Connection, { position, purged_before }: Cursor): Omit<ReadsInUse, 'close'> {
  return {
    position,
    async compare(projections, limit) {
      const differences: Difference[] = [];
      let rows = 0;
      for (const table of projections.flatMap(({ shapes }) => shapes)) {
        for (const look of [onlyIn('main', 'rebuilt'), onlyIn('rebuilt', 'main'), differing]) {
          const found = await look(connection, table, { limit, purgedBefore: purged_before });
          rows += found.rows;
          differences.push(...found.differences);
        }
      }
      return { rows, differences };
    },
  };
}

interface Table {
  readonly table: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
}

interface Bounds {
  readonly limit: number;
  /** Sessions that were deleted before may be there or not. */
  readonly purgedBefore: number;
}

type Row = Readonly<Record<string, Value>> & { readonly total: number };
type Look = (connection: Connection, table: Table, bounds: Bounds) => Promise<Comparison>;

const onlyIn =
  (schema: 'main' | 'rebuilt', other: 'main' | 'rebuilt'): Look =>
  async (connection, { table, key }, { limit, purgedBefore }) => {
    const isForgettable = table === 'sessions' ? 'coalesce(this.deleted_time < ?, false)' : '? IS NULL';
    const rows = await connection.all<Row>(
      `SELECT count(*) OVER () AS total, ${key.map((column) => `this.${column}`)} FROM ${schema}.${table} AS this
       WHERE NOT EXISTS (SELECT 1 FROM ${other}.${table} AS that WHERE ${sameKey(key)}) AND NOT ${isForgettable} LIMIT ?`,
      [purgedBefore, limit],
    );
    const only = schema === 'main' ? 'inUse' : schema;
    return found(
      rows,
      rows.map((row) => ({ table, row: keyOf(key, row), only })),
    );
  };

const differing: Look = async (connection, { table, key, columns }, { limit }) => {
  const values = columns.flatMap((column) => [`this.${column} AS this_${column}`, `that.${column} AS that_${column}`]);
  const differs = columns.map((column) => `this.${column} IS NOT that.${column}`).join(' OR ');
  const rows = await connection.all<Row>(
    `SELECT count(*) OVER () AS total, ${[...key.map((column) => `this.${column}`), ...values]}
     FROM main.${table} AS this JOIN rebuilt.${table} AS that ON ${sameKey(key)} WHERE ${differs} LIMIT ?`,
    [limit],
  );
  const differences = rows.flatMap((row) =>
    columns.flatMap((column) => {
      const [inUse, rebuilt] = [row[`this_${column}`] as Value, row[`that_${column}`] as Value];
      return inUse === rebuilt ? [] : [{ table, row: keyOf(key, row), column, ...told(column, inUse, rebuilt) }];
    }),
  );
  return found(rows, differences);
};

const sameKey = (key: readonly string[]): string => key.map((column) => `that.${column} = this.${column}`).join(' AND ');

const found = (rows: readonly Row[], differences: readonly Difference[]): Comparison => ({ rows: rows[0]?.total ?? 0, differences });

const keyOf = (key: readonly string[], row: Row) => Object.fromEntries(key.map((column) => [column, row[column] as Value]));

/** Characters of a value that are shown. */
const SHOWN = 200;

function told(column: string, inUse: Value, rebuilt: Value): { readonly inUse: Value; readonly rebuilt: Value } {
  // Whoever reads about it has no need of what a secret is compared with.
  if (column === 'hash') return { inUse: '(a hash)', rebuilt: '(another)' };
  return { inUse: shown(inUse), rebuilt: shown(rebuilt) };
}

const shown = (value: Value): Value => (typeof value === 'string' && value.length > SHOWN ? `${value.slice(0, SHOWN)} …` : value);

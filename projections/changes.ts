/**
 * What a batch of facts changes, row by row, before any of it is written. A thousand facts about one server end as one row here: what
 * reaches SQLite is what is left after merging. Facts come in the order of the log, and follow the machines of their actors.
 */
import type { Updateable } from 'kysely';
import type { Tables } from './database.ts';

export type TableName = keyof Tables;
type ColumnOf<T extends TableName> = keyof Tables[T] & string;

/** How a table is written. Together, `key` and `columns` are all its columns. */
export interface Shape {
  readonly table: TableName;
  readonly key: readonly string[];
  /** At most 30, because which of them a row sets is kept in the bits of one number. */
  readonly columns: readonly string[];
  /** Rows are only ever written whole, which costs SQLite less. */
  readonly whole: boolean;
}

export interface ShapeOf<T extends TableName> extends Shape {
  readonly table: T;
  readonly key: readonly ColumnOf<T>[];
  readonly columns: readonly ColumnOf<T>[];
}

type Cell = unknown;
type Key = readonly (string | number)[];
/** Absent or undefined: not meant. Null: cleared. */
type Cells<T extends TableName> = Updateable<Tables[T]>;

/** A row to be written: `[1 if it may create and else 0, bits of the columns it sets, ...key, ...columns]`. */
export type PendingRow = Cell[];
const CREATES = 0;
const BITS = 1;
/** Where the key starts. */
export const HEADER = 2;

/** What is to be done to one table: removals first, then rows. */
export interface PendingTable {
  readonly shape: Shape;
  /** A removal shorter than the table's key takes all rows that start with it. */
  readonly removals: ReadonlyMap<string, Key>;
  readonly rows: ReadonlyMap<string, PendingRow>;
}

export interface Changes {
  /** Afterwards the row is there: with `set` in any case, and with `initially` where it was not there before. */
  upsert<T extends TableName>(shape: ShapeOf<T>, key: Key, set: Cells<T>, initially?: Cells<T>): void;
  /** Nothing happens if the row is not there. */
  change<T extends TableName>(shape: ShapeOf<T>, key: Key, set: Cells<T>): void;
  /** Removes one row, or with the first part of a key all rows under it. */
  remove(shape: Shape, key: Key): void;
  tables(): Iterable<PendingTable>;
}

export function createChanges(): Changes {
  const pending = new Map<Shape, WorkingTable>();

  function tableOf(shape: Shape): WorkingTable {
    const known = pending.get(shape);
    if (known) return known;
    const fresh: WorkingTable = { shape, removals: new Map(), rows: new Map(), places: placesOf(shape) };
    pending.set(shape, fresh);
    return fresh;
  }

  return {
    upsert(shape, key, set, initially) {
      const table = tableOf(shape);
      const row = rowOf(table, key);
      if (initially !== undefined && row[CREATES] === 0) fill(table, row, initially);
      row[CREATES] = 1;
      assign(table, row, set);
    },
    change(shape, key, set) {
      const table = tableOf(shape);
      assign(table, rowOf(table, key), set);
    },
    remove(shape, key) {
      const { rows, removals } = tableOf(shape);
      const text = textOf(key);
      if (key.length === shape.key.length) rows.delete(text);
      else deleteUnder(rows, text);
      removals.set(text, key);
    },
    tables: () => pending.values(),
  };
}

interface WorkingTable extends PendingTable {
  readonly removals: Map<string, Key>;
  readonly rows: Map<string, PendingRow>;
  /** Where a column stands in a pending row. */
  readonly places: ReadonlyMap<string, number>;
}

/** No id holds it. */
const SEPARATOR = '\u0000';

const textOf = (key: Key): string => (key.length === 1 ? String(key[0]) : key.join(SEPARATOR));

function placesOf({ key, columns }: Shape): ReadonlyMap<string, number> {
  return new Map(columns.map((column, index) => [column, HEADER + key.length + index]));
}

function rowOf({ shape, rows }: WorkingTable, key: Key): PendingRow {
  const text = textOf(key);
  const known = rows.get(text);
  if (known) return known;
  const row: PendingRow = [0, 0, ...key];
  for (let left = shape.columns.length; left > 0; left -= 1) row.push(null);
  rows.set(text, row);
  return row;
}

/** Rare (a server is described anew or removed), so walking all pending rows will do. */
function deleteUnder(rows: Map<string, PendingRow>, text: string): void {
  for (const key of rows.keys()) if (key.startsWith(text + SEPARATOR)) rows.delete(key);
}

function assign({ shape, places }: WorkingTable, row: PendingRow, set: object): void {
  let bits = row[BITS] as number;
  for (const column of Object.keys(set)) {
    const value = (set as Record<string, Cell>)[column];
    const place = places.get(column);
    if (value === undefined || place === undefined) continue;
    row[place] = value;
    bits |= 1 << (place - HEADER - shape.key.length);
  }
  row[BITS] = bits;
}

/** Sets what no change has set yet, without its bit: an existing row keeps what it has. */
function fill({ shape, places }: WorkingTable, row: PendingRow, initially: object): void {
  for (const [column, value] of Object.entries(initially)) {
    const place = places.get(column);
    if (place === undefined || (row[BITS] as number) & (1 << (place - HEADER - shape.key.length))) continue;
    row[place] = value;
  }
}

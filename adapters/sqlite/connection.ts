/**
 * The one place that knows the `sqlite3` package. It is archived by its owners, so everything else speaks to SQLite through these
 * few methods, and better-sqlite3 or node:sqlite could stand behind them instead.
 */
import { LRUCache } from 'lru-cache';
import sqlite3 from 'sqlite3';

/** One connection. Statements run one after another, in the order of the calls; errors carry SQLite's name for them in `code`. */
export interface Connection {
  /** Runs one INSERT, UPDATE or DELETE; resolves with the number of rows changed (without meaning for other statements). */
  run(sql: string, parameters?: readonly unknown[]): Promise<number>;
  all<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** Several statements, no parameters (schema, pragmas). */
  exec(sql: string): Promise<void>;
  /** Waits for the statements already called, then lets go of the file. Calling it again is harmless. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** A reader: the file must exist, and no statement can change it. `but for copies`: a statement may write another file. */
  readonly readonly?: boolean | 'but for copies';
  /** How long a statement waits for a lock that another connection holds. Default 5,000. */
  readonly busyTimeoutMs?: number;
}

/** Statements that stay prepared, per connection. */
const PREPARED_LIMIT = 100;
const YIELDS_ROWS = /^\s*(select|with|values|pragma|explain)\b|\breturning\b/i;

interface Prepared {
  readonly statement: sqlite3.Statement;
  readonly yieldsRows: boolean;
}

/** Opens a file, and creates it when it is missing unless `readonly`. */
export async function openConnection(file: string, options: ConnectionOptions): Promise<Connection> {
  const database = await openDatabase(file, options.readonly !== undefined && options.readonly !== false);
  database.configure('busyTimeout', options.busyTimeoutMs ?? 5000);
  const connection = createConnection(database);
  if (options.readonly === true) {
    await connection.exec('PRAGMA query_only = ON');
  }
  return connection;
}

/** The version of the SQLite library behind a connection, such as `3.52.0`. */
export async function sqliteVersion(connection: Connection): Promise<string> {
  const rows = await connection.all<{ readonly version: string }>('SELECT sqlite_version() AS version');
  return rows.map((row) => row.version).join();
}

function openDatabase(file: string, readonly: boolean): Promise<sqlite3.Database> {
  const access = readonly ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE;
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, access | sqlite3.OPEN_FULLMUTEX, (error) => {
      settle(error, () => resolve(database), reject);
    });
  });
}

function createConnection(database: sqlite3.Database): Connection {
  const prepared = new LRUCache<string, Prepared>({
    max: PREPARED_LIMIT,
    dispose: ({ statement }) => statement.finalize(),
  });
  const inTurn = createTurns();
  let closing: Promise<void> | undefined;

  async function prepare(sql: string): Promise<Prepared> {
    const known = prepared.get(sql);
    if (known) {
      return known;
    }
    const fresh = { statement: await prepareStatement(database, sql), yieldsRows: YIELDS_ROWS.test(sql) };
    prepared.set(sql, fresh);
    return fresh;
  }

  function whileOpen<T>(work: () => Promise<T>): Promise<T> {
    return closing ? Promise.reject(new Error('The database connection is closed.')) : inTurn(work);
  }

  return {
    run: (sql, parameters = []) => whileOpen(async () => runStatement(await prepare(sql), parameters)),
    all: (sql, parameters = []) => whileOpen(async () => allRows(await prepare(sql), parameters)),
    exec: (sql) => whileOpen(() => execute(database, sql)),
    close() {
      closing ??= inTurn(async () => {
        prepared.clear();
        await closeDatabase(database);
      });
      return closing;
    },
  };
}

/**
 * One at a time. The package would run two prepared statements of one connection on two threads of the pool, where the second only
 * blocks its thread until the first is done; and their order would be anyone's guess.
 */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

function prepareStatement(database: sqlite3.Database, sql: string): Promise<sqlite3.Statement> {
  return new Promise((resolve, reject) => {
    const statement = database.prepare(sql, (error: Error | null) => settle(error, () => resolve(statement), reject));
  });
}

/**
 * The package takes one step only. That finishes a statement without rows, but leaves one that yields rows (SELECT, PRAGMA,
 * RETURNING) at its first row, where its read transaction would keep the WAL from being checkpointed; hence the reset.
 */
function runStatement({ statement, yieldsRows }: Prepared, parameters: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    statement.run(parameters, function (this: sqlite3.RunResult, error) {
      const changes = this.changes;
      const done = () => settle(error, () => resolve(changes), reject);
      if (yieldsRows) {
        statement.reset(done);
      } else {
        done();
      }
    });
  });
}

/** The package steps to the end, which ends the read transaction; the next binding resets the statement. */
function allRows<Row>({ statement }: Prepared, parameters: readonly unknown[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    statement.all<Row>(parameters, (error, rows) => settle(error, () => resolve(rows), reject));
  });
}

function execute(database: sqlite3.Database, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    database.exec(sql, (error) => settle(error, resolve, reject));
  });
}

function closeDatabase(database: sqlite3.Database): Promise<void> {
  return new Promise((resolve, reject) => {
    database.close((error) => settle(error, resolve, reject));
  });
}

function settle(error: Error | null, resolve: () => void, reject: (error: Error) => void): void {
  if (error) {
    reject(error);
  } else {
    resolve();
  }
}

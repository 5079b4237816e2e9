/**
 * Opens the read database. The file follows from the log, so one that is damaged, of another version or no database at all is deleted and
 * started again, empty; the projector fills it. A log never falls for that: its file is opened elsewhere.
 */
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { type ReadDatabase, SCHEMA, SCHEMA_VERSION, type Tables } from '../../projections/database.ts';
import type { ProjectionLogger } from '../../projections/folding.ts';
import { type Connection, openConnection } from './connection.ts';
import { createReader, createTransactor } from './dialect.ts';

export interface OpenReadDatabase extends ReadDatabase {
  /**
   * Closes the file, lets `replace` put another in its place, and opens that. Queries and transactions under way end before, and those that come
   * meanwhile wait for it. Where `replace` fails, what it left behind is opened again, and it rejects.
   */
  exchange(replace: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** The tables of one file, as SQL that also keeps the version in `user_version`. */
export interface ReadSchema {
  readonly version: number;
  readonly tables: string;
}

export interface ReadDatabaseOptions {
  readonly logger: ProjectionLogger;
  /** Default: that of the Describe calls. */
  readonly schema?: ReadSchema;
  /** Queries at a time, 1 to 4; each has a thread of the pool to itself while it runs. Default 2. */
  readonly readers?: number;
}

/** A lost last moment is harmless, because cursor and rows are lost together: hence NORMAL. Cache sizes are in KiB. */
const WRITER_PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;';
const READER_PRAGMAS = 'PRAGMA cache_size = -16384;';

const DESCRIBING: ReadSchema = { version: SCHEMA_VERSION, tables: SCHEMA };

export async function openReadDatabase(file: string, options: ReadDatabaseOptions): Promise<OpenReadDatabase> {
  const { logger, schema = DESCRIBING } = options;
  const writing = await createSlot(async () => (await reopen(file, schema, logger)) ?? (await create(file, schema)));
  const reading = await Promise.all(Array.from({ length: options.readers ?? 2 }, () => createSlot(() => openReader(file))));
  const reader = createReader<Tables>(reading);
  const transactor = createTransactor<Tables>(writing);

  /** The writer last, so that the WAL goes into the file. */
  async function close(): Promise<void> {
    await Promise.all(reading.map((slot) => slot.close()));
    await writing.close();
  }

  async function exchangeFile(replace: () => Promise<void>): Promise<void> {
    await close();
    try {
      await replace();
    } finally {
      for (const slot of [writing, ...reading]) await slot.open();
    }
  }

  return {
    reader,
    transactor,
    // The writer first: a transaction may well wait for a reader.
    exchange: (replace) => transactor.hold(() => reader.hold(() => exchangeFile(replace))),
    close,
  };
}

/** What is wrong with a file that was to be the read database of the Describe calls, as a phrase; undefined: nothing. It is read as a whole. */
export async function faultOf(file: string): Promise<string | undefined> {
  const connection = await openConnection(file, {});
  try {
    return await findFault(connection, DESCRIBING.version, true);
  } finally {
    await connection.close();
  }
}

/**
 * Puts `fresh` in the place of `file`, both of which nobody has open; `fresh` was closed in order. Whenever this is cut short, one of them is still there
 * and whole.
 */
export async function putInPlace(fresh: string, file: string): Promise<void> {
  // What is left of a process that was killed: it would be taken for the WAL of whichever file has the name.
  if (existsSync(`${file}-wal`)) await removeDatabase(file);
  await rename(fresh, file);
}

/** A connection that can be closed and opened again under those who use it. */
interface Slot extends Connection {
  open(): Promise<void>;
}

async function createSlot(open: () => Promise<Connection>): Promise<Slot> {
  let connection = await open();
  return {
    run: (...statement) => connection.run(...statement),
    all: (...statement) => connection.all(...statement),
    exec: (sql) => connection.exec(sql),
    close: () => connection.close(),
    async open() {
      connection = await open();
    },
  };
}

/** Undefined: there is no file (any more). */
async function reopen(file: string, { version }: ReadSchema, logger: ProjectionLogger): Promise<Connection | undefined> {
  if (!existsSync(file)) {
    await removeDatabase(file);
    return undefined;
  }
  /** Only the file of a broker that did not end in order needs the full check, which reads all of it. */
  const isSuspect = existsSync(`${file}-wal`);
  const connection = await openConnection(file, {});
  const fault = await findFault(connection, version, isSuspect);
  if (fault === undefined) return connection;
  await connection.close();
  await removeDatabase(file);
  logger.warn({ file, reason: fault }, 'the read database cannot be used as it is; it is built again from the log');
  return undefined;
}

async function findFault(connection: Connection, wanted: number, isSuspect: boolean): Promise<string | undefined> {
  try {
    await connection.exec(WRITER_PRAGMAS);
    const [found] = await connection.all<{ user_version: number }>('PRAGMA user_version');
    if (found?.user_version !== wanted) {
      return `its schema is version ${found?.user_version}, this version of Berth needs ${wanted}`;
    }
    const checks = isSuspect ? await connection.all<{ quick_check: string }>('PRAGMA quick_check(1)') : [];
    return checks.map((check) => check.quick_check).find((check) => check !== 'ok');
  } catch (error) {
    return String(error);
  }
}

/** It holds hashes of secrets, so nobody else may read it. SQLite gives the files beside it the same mode. */
async function create(file: string, { tables }: ReadSchema): Promise<Connection> {
  await writeFile(file, '', { mode: 0o600 });
  const connection = await openConnection(file, {});
  await connection.exec(`${WRITER_PRAGMAS} BEGIN IMMEDIATE; ${tables} COMMIT;`);
  return connection;
}

async function openReader(file: string): Promise<Connection> {
  const connection = await openConnection(file, { readonly: true });
  await connection.exec(READER_PRAGMAS);
  return connection;
}

/** With what SQLite keeps beside it. */
export async function removeDatabase(file: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
}

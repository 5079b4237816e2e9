/** The tables of the event log. What is written here is read by every later version: change it by a new format number only. */
import { LogFault } from '../../domain/ports/event-log.ts';
import type { Connection } from './connection.ts';

/** Kept in `user_version`. In format 1 facts had no hash, and up to format 2 none was ever removed. */
const FORMAT = 3;
/** Kept in `application_id`, so that `file` and we can tell an event log from any other SQLite file: `Brth`. */
const APPLICATION_ID = 0x42727468;

/** For people. */
const HISTORY = `
  CREATE VIEW history AS
    SELECT fact.position, first.name AS stream, fact.revision, fact.type, datetime(fact.time / 1000, 'unixepoch') AS time,
      fact.cause_kind, fact.cause_id, fact.request_id, fact.data, fact.id, fact.schema_version, fact.hash
    FROM facts AS fact CROSS JOIN facts AS first ON first.position = fact.stream;`;

/** Streams whose facts were taken out, as far as `revision`, the hash of the last of them, and where they are now. A stream may have newer facts. */
const REMOVED =
  'CREATE TABLE removed (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, hash TEXT NOT NULL, note TEXT NOT NULL) STRICT, WITHOUT ROWID;';

/**
 * A stream is known by the position of its first fact, and only that fact spells the name. This makes a fact a quarter smaller, and
 * the index over (stream, revision) grows near its end instead of all over the place, which doubled the speed of inserts.
 */
const TABLES = `
  BEGIN IMMEDIATE;
  CREATE TABLE facts (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    name TEXT,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    time INTEGER NOT NULL,
    cause_kind TEXT NOT NULL,
    cause_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    data TEXT NOT NULL,
    hash TEXT
  ) STRICT;
  CREATE UNIQUE INDEX facts_by_stream ON facts (stream, revision);
  CREATE UNIQUE INDEX streams_by_name ON facts (name) WHERE name IS NOT NULL;
  ${REMOVED}
  ${HISTORY}
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
  COMMIT`;

/** What leads from each format to the next, the first from 1 to 2. Facts that are there stay as they are: without a hash. */
const UPGRADES = [`ALTER TABLE facts ADD COLUMN hash TEXT; DROP VIEW IF EXISTS history; ${HISTORY}`, REMOVED];

/** What makes a file of each format readable as one of the next, for a connection that changes nothing. */
const READABLE = ['CREATE TEMP VIEW facts AS SELECT *, NULL AS hash FROM main.facts;', REMOVED.replace('CREATE', 'CREATE TEMP')];

/** Makes the tables in an empty file, brings those of an earlier version up to this one, and refuses a file that this version cannot read. */
export async function ensureSchema(connection: Connection, file: string): Promise<void> {
  const format = await readFormat(connection, file);
  if (format === 0) await connection.exec(TABLES);
  else if (format < FORMAT) {
    const steps = UPGRADES.slice(format - 1).join(' ');
    await connection.exec(`BEGIN IMMEDIATE; ${steps} PRAGMA user_version = ${FORMAT}; COMMIT`);
  }
}

/** Makes a file readable as it is, also one of an earlier version. Refuses one that holds no log, or none that this version can read. */
export async function expectSchema(connection: Connection, file: string): Promise<void> {
  const format = await readFormat(connection, file);
  if (format === 0) throw new LogFault(`The event log ${file} is empty: its broker has not come so far yet.`);
  const steps = READABLE.slice(format - 1).join(' ');
  if (format < FORMAT) await connection.exec(`PRAGMA query_only = OFF; ${steps} PRAGMA query_only = ON`);
}

/** 0 for an empty file. Throws for one that this version cannot read. */
async function readFormat(connection: Connection, file: string): Promise<number> {
  const contents = await connection.all<{ readonly format: number; readonly application: number; readonly tables: number }>(
    `SELECT user_version AS format, application_id AS application, (SELECT count(*) FROM sqlite_schema) AS tables
     FROM pragma_user_version, pragma_application_id`,
  );
  const filled = contents.filter(({ tables }) => tables > 0);
  for (const { format, application } of filled) {
    if (application !== APPLICATION_ID) {
      throw new LogFault(`${file} is an SQLite database, but not an event log of Berth.`);
    }
    if (format > FORMAT) {
      throw new LogFault(`${file} was written by a newer version of Berth (format ${format}; this version reads up to ${FORMAT}).`);
    }
  }
  return filled.reduce((_, { format }) => format, 0);
}

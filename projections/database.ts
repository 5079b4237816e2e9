/**
 * The read database: what its tables hold, and the two ways in. It is disposable: everything in it follows from the log, so a file that is
 * missing, damaged or of another schema version is built again rather than migrated.
 */
import type { ColumnType, Kysely, Transaction } from 'kysely';
import type { Scope } from '../domain/access/reach.ts';
import type { DnsMapping } from '../domain/dns/events.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { PlacementWish, SessionSpec, SessionType } from '../domain/session/events.ts';
import { UPCASTERS, versionOf } from '../domain/shapes.ts';
import type { SessionState } from './views.ts';

/** Raise it with every change of the tables or of what a projection writes: the file is then built again from the log. */
const TABLES_VERSION = 8;

/**
 * What the file is made for: tables, and shapes of facts, whose versions only grow. A Berth that knows fewer shapes than the one that made the file begins
 * anew, and so meets the facts that it does not know instead of standing behind them.
 */
export const SCHEMA_VERSION = TABLES_VERSION * 10_000 + Object.keys(UPCASTERS).reduce((sum, type) => sum + versionOf(type), 0);

/** JSON text in the database; written as a value, because the whole batch is one JSON text already. */
type Json<T> = ColumnType<string, T, T>;
/** SQLite has no booleans: 0 and 1 when read. */
type Flag = ColumnType<number, boolean, boolean>;

/** Times are milliseconds since 1970 (UTC). */
export interface SessionsTable {
  /** That of its first fact; the order of pages. */
  position: number;
  id: string;
  state: Exclude<SessionState, 'UNKNOWN'>;
  /** When it came into this state. */
  state_time: number;
  state_reason: string | null;
  /** A copy of what is in `spec`, for the filter; so is `name`. */
  owner: string;
  name: string;
  /** Without the permissions file, which may be large and is of no interest to most readers. */
  spec: Json<Omit<SessionSpec, 'permissionsFile'>>;
  permissions_file: string | null;
  wish: Json<PlacementWish>;
  /** Null while it waits for a server. */
  server_id: string | null;
  attempt: number;
  /** Null where it is the same as `id`. */
  local_id: string | null;
  connections: number;
  created_time: number;
  last_disconnection_time: number | null;
  deleted_time: number | null;
}

export interface ServersTable {
  position: number;
  id: string;
  agent_client_id: string;
  /** That its agent is, or was last, connected to. */
  broker: string | null;
  /** Null until the agent has described it; nobody is told of it before. */
  description: ColumnType<string | null, ServerDescription | null, ServerDescription | null>;
  open: Flag;
  reachable: Flag;
  /** Since when it is not. */
  unreachable_time: number | null;
  healthy: Flag;
  health_reason: string | null;
  logged_in_users: Json<readonly string[]>;
  /** Not null: hidden from everyone, and kept because a server that comes back is as open as it was. */
  removed_time: number | null;
}

/** Apart from the servers, because it changes with every slot and a description is long. */
export interface ServerRevisionsTable {
  server_id: string;
  /** Of the last fact of the server. */
  revision: number;
}

export interface ServerTagsTable {
  server_id: string;
  key: string;
  value: string;
}

export interface SlotsTable {
  server_id: string;
  session_id: string;
  session_type: SessionType;
  owner: string;
  attempt: number;
}

/** Where facts are that auditors ask for, and by what they are found; what they say is in the log. In a file of its own (audit-database.ts). */
export interface AuditTable {
  position: number;
  stream: string;
  revision: number;
  type: string;
  time: number;
  /** The beginning of the RequestId: enough to find it, and the fact itself tells. */
  request: string;
  /** The API client that caused it, or in whose name it was attempted. */
  client: string | null;
  /** The owner that it names, where it is about a session. */
  owner: string | null;
  /** Of an attempt that was refused: the stream of the actor it was about. */
  target: string | null;
}

/** Between which positions the facts of an hour are, so that a time leads to positions without an index over all facts. Clocks may have been set. */
export interface AuditHoursTable {
  /** Hours since 1970 (UTC). */
  hour: number;
  first_position: number;
  last_position: number;
}

export interface CredentialsTable {
  kind: CredentialKind;
  id: string;
  /** Null for a software statement, which has none. */
  name: string | null;
  hash: string;
  /** Of an agent client: the software statement it enrolled with. */
  statement_id: string | null;
  /** Of an API client; null: all of them. */
  scopes: ColumnType<string | null, readonly Scope[] | null, readonly Scope[] | null>;
  /** Of an API client that knows the sessions of one owner only. */
  owner: string | null;
  active: Flag;
}

export type CredentialKind = 'api-client' | 'software-statement' | 'agent-client';

export interface BrokersTable {
  id: string;
  host: string;
  url: string;
}

/** One row at most: the list that holds. */
export interface DnsMappingsTable {
  id: string;
  mappings: Json<readonly DnsMapping[]>;
}

export interface AuthServersTable {
  id: string;
  url: string;
  issuer: string;
}

/** One row: how far the projections have come. */
export interface CursorTable {
  position: number;
  /** Of the fact that stands there; null before the first. It tells one log from another. */
  stream: string | null;
  revision: number | null;
  fact_id: string | null;
  /** Sessions that were deleted before this time may be missing: see purging.ts. */
  purged_before: number;
}

/** Of all read databases; a file has those of its schema. */
export interface Tables {
  audit: AuditTable;
  audit_hours: AuditHoursTable;
  sessions: SessionsTable;
  servers: ServersTable;
  server_revisions: ServerRevisionsTable;
  server_tags: ServerTagsTable;
  slots: SlotsTable;
  credentials: CredentialsTable;
  brokers: BrokersTable;
  dns_mappings: DnsMappingsTable;
  auth_servers: AuthServersTable;
  cursor: CursorTable;
}

/** May only ask: SQLite itself refuses a write on these connections. */
export type Reader<Schema = Tables> = Pick<Kysely<Schema>, 'selectFrom' | 'executeQuery'>;

/** May change things, one transaction at a time: all that `work` did, or nothing if it rejects. */
export interface Transactor<Schema = Tables> {
  transact<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T>;
}

export interface ReadDatabase {
  readonly reader: Reader;
  readonly transactor: Transactor;
}

/** In every read database. */
export const CURSOR = `
  CREATE TABLE cursor (position INTEGER NOT NULL, stream TEXT, revision INTEGER, fact_id TEXT, purged_before INTEGER NOT NULL);
  INSERT INTO cursor VALUES (0, NULL, NULL, NULL, 0);`;

/**
 * The indexes that end in `deleted_time` hold the living (null) in the order of their positions, because SQLite ends every index with the
 * rowid; that is what a page walks, however many deleted sessions there are. `sessions_by_state` does the same with the living alone.
 */
export const SCHEMA = `
  ${CURSOR}

  CREATE TABLE sessions (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT, state_time INTEGER, state_reason TEXT, owner TEXT, name TEXT,
    spec TEXT, permissions_file TEXT, wish TEXT, server_id TEXT, attempt INTEGER, local_id TEXT, connections INTEGER, created_time INTEGER,
    last_disconnection_time INTEGER, deleted_time INTEGER
  );
  CREATE INDEX sessions_by_deletion ON sessions (deleted_time);
  CREATE INDEX sessions_by_owner ON sessions (owner, deleted_time);
  CREATE INDEX sessions_by_name ON sessions (name, deleted_time);
  CREATE INDEX sessions_by_server ON sessions (server_id, deleted_time);
  CREATE INDEX sessions_by_state ON sessions (state) WHERE deleted_time IS NULL;
  CREATE INDEX sessions_pending ON sessions (position) WHERE state IN ('CREATING', 'DELETING');

  CREATE TABLE servers (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent_client_id TEXT, broker TEXT, description TEXT, open INTEGER, reachable INTEGER,
    unreachable_time INTEGER,
    healthy INTEGER, health_reason TEXT, logged_in_users TEXT, removed_time INTEGER
  );
  CREATE INDEX servers_unreachable ON servers (id) WHERE reachable = 0;
  CREATE TABLE server_revisions (server_id TEXT PRIMARY KEY, revision INTEGER) WITHOUT ROWID;
  CREATE TABLE server_tags (server_id TEXT, key TEXT, value TEXT, PRIMARY KEY (server_id, key)) WITHOUT ROWID;
  CREATE INDEX server_tags_by_value ON server_tags (key, value);
  CREATE TABLE slots (
    server_id TEXT, session_id TEXT, session_type TEXT, owner TEXT, attempt INTEGER, PRIMARY KEY (server_id, session_id)
  ) WITHOUT ROWID;

  CREATE TABLE credentials (
    kind TEXT, id TEXT, name TEXT, hash TEXT, statement_id TEXT, scopes TEXT, owner TEXT, active INTEGER, PRIMARY KEY (kind, id)
  ) WITHOUT ROWID;

  CREATE TABLE brokers (id TEXT PRIMARY KEY, host TEXT, url TEXT) WITHOUT ROWID;
  CREATE TABLE dns_mappings (id TEXT PRIMARY KEY, mappings TEXT) WITHOUT ROWID;
  CREATE TABLE auth_servers (id TEXT PRIMARY KEY, url TEXT, issuer TEXT) WITHOUT ROWID;

  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** What the broker's own processes ask: what is left to be done after a restart, and what ought to be on a server. */
import { sql } from 'kysely';
import type { DnsMapping } from '../domain/dns/events.ts';
import type { PlacementWish, SessionSpec } from '../domain/session/events.ts';
import type { Reader } from './database.ts';
import { json, packed, unpack, withParameters } from './packing.ts';
import { pagesOf } from './paging.ts';

/** A session that something must still be done about. */
export interface PendingSession {
  readonly id: string;
  /** Of its first fact: the order in which sessions were asked for. */
  readonly position: number;
  readonly state: 'CREATING' | 'DELETING';
  /** When it came into this state, or was placed: milliseconds since 1970 (UTC). */
  readonly stateTime: number;
  readonly spec: SessionSpec;
  readonly wish: PlacementWish;
  /** Absent: it waits for a server. */
  readonly serverId?: string | undefined;
  readonly localId: string;
  readonly attempt: number;
}

/** A session as its server should hold it. */
export interface PlacedSession {
  readonly id: string;
  readonly state: 'CREATING' | 'READY' | 'DELETING';
  readonly attempt: number;
  readonly localId: string;
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number;
  readonly connections: number;
  readonly lastDisconnectionTime?: number | undefined;
  /** Base64. */
  readonly permissionsFile?: string | undefined;
}

/** A slot that its session does not need any more, or never came to. */
export interface StraySlot {
  readonly serverId: string;
  readonly sessionId: string;
}

export interface UnreachableServer {
  readonly serverId: string;
  /** Milliseconds since 1970 (UTC). */
  readonly since: number;
}

export interface WorkQueries {
  /** All that are CREATING or DELETING, oldest first, in pages. */
  pending(): AsyncIterable<readonly PendingSession[]>;
  /** All that were placed there and are not DELETED. */
  onServer(serverId: string): Promise<readonly PlacedSession[]>;
  /** Slots held for sessions that are over, unknown, or not placed on that server. */
  straySlots(): Promise<readonly StraySlot[]>;
  /** The brokers that serve, or were serving when nobody was left to notice that they do not. */
  brokers(): Promise<readonly { readonly id: string; readonly host: string; readonly url: string }[]>;
  /** Empty where nobody registered any. */
  dnsMappings(): Promise<readonly DnsMapping[]>;
  /** Authorization servers elsewhere that are trusted. */
  authServers(): Promise<readonly { readonly id: string; readonly url: string; readonly issuer: string }[]>;
  /** Servers that are registered and cannot be reached. */
  unreachable(): Promise<readonly UnreachableServer[]>;
}

const PAGE = 500;

export function createWorkQueries(reader: Reader): WorkQueries {
  const pendingBehind = pendingQuery(reader).compile();
  const placedOn = placedQuery(reader).compile();
  return {
    pending: () =>
      pagesOf(async (after) => {
        const rows = await unpack<PackedPending>(reader, withParameters(pendingBehind, after, PAGE));
        return rows.map(pendingOf);
      }),
    async onServer(serverId) {
      const rows = await unpack<PackedPlaced>(reader, withParameters(placedOn, serverId));
      return rows.map(placedOf);
    },
    async straySlots() {
      const rows = await straySlotsQuery(reader).execute();
      return rows.map(({ server_id, session_id }) => ({ serverId: server_id, sessionId: session_id }));
    },
    brokers: () => reader.selectFrom('brokers').selectAll().orderBy('id').execute(),
    async dnsMappings() {
      const row = await reader.selectFrom('dns_mappings').select('mappings').executeTakeFirst();
      return row === undefined ? [] : (JSON.parse(row.mappings) as readonly DnsMapping[]);
    },
    authServers: () => reader.selectFrom('auth_servers').selectAll().orderBy('url').execute(),
    async unreachable() {
      const rows = await unreachableQuery(reader).execute();
      return rows.map(({ id, unreachable_time }) => ({ serverId: id, since: Number(unreachable_time) }));
    },
  };
}

type PackedPending = readonly [
  id: string,
  position: number,
  state: PendingSession['state'],
  stateTime: number,
  spec: SessionSpec,
  permissionsFile: string | null,
  wish: PlacementWish,
  serverId: string | null,
  localId: string | null,
  attempt: number,
];

/** The states stand in the statement itself: only then does SQLite see that the index on pending sessions holds them all. */
function pendingQuery(reader: Reader) {
  const page = reader
    .selectFrom('sessions')
    .select('position')
    .where(sql<boolean>`state in ('CREATING', 'DELETING')`)
    .where('position', '>', 0)
    .orderBy('position')
    .limit(PAGE);
  return reader
    .selectFrom('sessions')
    .where('position', 'in', page)
    .select((eb) => {
      const columns = [
        eb.ref('id'),
        eb.ref('position'),
        eb.ref('state'),
        eb.ref('state_time'),
        json(eb.ref('spec')),
        eb.ref('permissions_file'),
        json(eb.ref('wish')),
        eb.ref('server_id'),
        eb.ref('local_id'),
        eb.ref('attempt'),
      ];
      return packed(columns, eb.ref('position')).as('rows');
    });
}

function pendingOf(row: PackedPending): PendingSession {
  const [id, position, state, stateTime, spec, permissionsFile, wish, serverId, localId, attempt] = row;
  return {
    id,
    position,
    state,
    stateTime,
    spec: { ...spec, permissionsFile: permissionsFile ?? undefined },
    wish,
    serverId: serverId ?? undefined,
    localId: localId ?? id,
    attempt,
  };
}

type PackedPlaced = readonly [
  id: string,
  state: PlacedSession['state'],
  attempt: number,
  localId: string | null,
  creationTime: number,
  connections: number,
  lastDisconnectionTime: number | null,
  permissionsFile: string | null,
];

function placedOf([id, state, attempt, localId, creationTime, connections, disconnected, permissions]: PackedPlaced): PlacedSession {
  const [lastDisconnectionTime, permissionsFile] = [disconnected ?? undefined, permissions ?? undefined];
  return { id, state, attempt, localId: localId ?? id, creationTime, connections, lastDisconnectionTime, permissionsFile };
}

function unreachableQuery(reader: Reader) {
  return reader
    .selectFrom('servers')
    .select(['id', 'unreachable_time'])
    .where(sql<boolean>`reachable = 0`)
    .where('removed_time', 'is', null)
    .orderBy('id');
}

function straySlotsQuery(reader: Reader) {
  return reader
    .selectFrom('slots')
    .leftJoin('sessions', 'sessions.id', 'slots.session_id')
    .where((eb) =>
      eb.or([
        eb('sessions.id', 'is', null),
        eb('sessions.deleted_time', 'is not', null),
        eb('sessions.server_id', 'is distinct from', eb.ref('slots.server_id')),
      ]),
    )
    .select(['slots.server_id', 'slots.session_id']);
}

function placedQuery(reader: Reader) {
  return reader
    .selectFrom('sessions')
    .where('server_id', '=', '')
    .where('deleted_time', 'is', null)
    .select((eb) => {
      const columns = [
        eb.ref('id'),
        eb.ref('state'),
        eb.ref('attempt'),
        eb.ref('local_id'),
        eb.ref('created_time'),
        eb.ref('connections'),
        eb.ref('last_disconnection_time'),
        eb.ref('permissions_file'),
      ];
      return packed(columns, eb.ref('position')).as('rows');
    });
}

/** What the API asks about sessions. Their servers are named, not described: the caller knows more of them (telemetry) than the database. */
import type { CompiledQuery, Expression, ExpressionBuilder } from 'kysely';
import type { SessionSpec } from '../domain/session/events.ts';
import type { Reader, SessionsTable, Tables } from './database.ts';
import { createLoader } from './loader.ts';
import { json, listed, packed, unpack, withParameters } from './packing.ts';
import { pageOf } from './paging.ts';
import { positionsOf, type SessionSelection } from './session-search.ts';
import type { Page, SessionState, SessionView } from './views.ts';

/** A session without the view of its server. */
export interface DescribedSession {
  readonly view: SessionView;
  /** Absent until placed. */
  readonly serverId?: string | undefined;
  /** Its id on that server. */
  readonly localId: string;
  readonly attempt: number;
}

export interface SessionQueriesOptions {
  /** How long a DELETED session is still described. */
  readonly deletedVisibleMs: number;
}

export interface SessionQueries {
  /** In the order of their first facts. `now`: milliseconds since 1970 (UTC); it decides which DELETED ones are still shown. */
  describe(selection: SessionSelection, now: number): Promise<Page<DescribedSession>>;
}

export function createSessionQueries(reader: Reader, { deletedVisibleMs }: SessionQueriesOptions): SessionQueries {
  const load = createLoader(createByIds(reader));

  async function byIds(ids: readonly string[]): Promise<readonly SessionRow[]> {
    const found = await load(ids);
    return [...new Set(ids)].flatMap((id) => found.get(id) ?? []).sort((one, other) => one.position - other.position);
  }

  return {
    async describe(selection, now) {
      const { ids, tags = [], limit, after = 0 } = selection;
      const deletedBefore = now - deletedVisibleMs;
      if (ids === undefined || tags.length > 0) {
        return pageOf(await search(reader, selection, deletedBefore), limit, describedOf);
      }
      const isShown = ({ position, deletedTime }: SessionRow) => position > after && (deletedTime === null || deletedTime > deletedBefore);
      const rows = (await byIds(ids)).filter((row) => isShown(row) && meets(row, selection));
      return pageOf(rows, limit, describedOf);
    },
  };
}

interface SessionRow extends DescribedSession {
  readonly position: number;
  readonly deletedTime: number | null;
}

/** The filters that need nothing but the row. */
function meets({ view, serverId }: SessionRow, { owners, names, states, servers }: SessionSelection): boolean {
  const isAmong = <Value>(values: readonly Value[] | undefined, value: Value) => values?.includes(value) ?? true;
  return (
    isAmong(owners, view.owner) &&
    isAmong(names, view.name) &&
    isAmong(states, view.state) &&
    isAmong<string | undefined>(servers, serverId)
  );
}

const describedOf = ({ view, serverId, localId, attempt }: SessionRow): DescribedSession => ({ view, serverId, localId, attempt });

/** One compiled statement, whatever the number of ids. */
function createByIds(reader: Reader): (ids: readonly string[]) => Promise<ReadonlyMap<string, SessionRow>> {
  const compiled = sessionsWithServers(reader)
    .where('sessions.id', 'in', listed([]))
    .select((eb) => packed(sessionColumns(eb), eb.ref('sessions.position')).as('rows'))
    .compile();
  return async (ids) => {
    const rows = await readSessions(reader, withParameters(compiled, JSON.stringify(ids)));
    return new Map(rows.map((row) => [row.view.id, row]));
  };
}

async function search(reader: Reader, selection: SessionSelection, deletedBefore: number): Promise<readonly SessionRow[]> {
  const page = positionsOf(reader, selection, deletedBefore);
  if (page === undefined) return [];
  const query = sessionsWithServers(reader)
    .where('sessions.position', 'in', page)
    .select((eb) => packed(sessionColumns(eb), eb.ref('sessions.position')).as('rows'));
  return readSessions(reader, query.compile());
}

const sessionsWithServers = (reader: Reader) => reader.selectFrom('sessions').leftJoin('servers', 'servers.id', 'sessions.server_id');

/** In the order of `sessionColumns`. */
type PackedSession = readonly [
  id: string,
  position: number,
  spec: SessionSpec,
  state: SessionsTable['state'],
  stateReason: string | null,
  serverId: string | null,
  localId: string | null,
  attempt: number,
  connections: number,
  createdTime: number,
  lastDisconnectionTime: number | null,
  deletedTime: number | null,
  reachable: 0 | 1 | null,
];

function sessionColumns(eb: ExpressionBuilder<Tables, 'sessions' | 'servers'>): readonly Expression<unknown>[] {
  return [
    eb.ref('sessions.id'),
    eb.ref('sessions.position'),
    json(eb.ref('sessions.spec')),
    eb.ref('sessions.state'),
    eb.ref('sessions.state_reason'),
    eb.ref('sessions.server_id'),
    eb.ref('sessions.local_id'),
    eb.ref('sessions.attempt'),
    eb.ref('sessions.connections'),
    eb.ref('sessions.created_time'),
    eb.ref('sessions.last_disconnection_time'),
    eb.ref('sessions.deleted_time'),
    eb.ref('servers.reachable'),
  ];
}

async function readSessions(reader: Reader, query: CompiledQuery<{ readonly rows: string }>): Promise<readonly SessionRow[]> {
  return (await unpack<PackedSession>(reader, query)).map(rowOf);
}

function rowOf(row: PackedSession): SessionRow {
  const [id, position, spec, recorded, stateReason, serverId, localId, attempt, connections, creationTime, ...last] = row;
  const [lastDisconnectionTime, deletedTime, reachable] = last;
  const state = seenState(recorded, serverId, reachable);
  const view: SessionView = {
    id,
    name: spec.name,
    owner: spec.owner,
    sessionType: spec.sessionType,
    state,
    substate: state === 'CREATING' ? substateOf(serverId) : undefined,
    stateReason: stateReason ?? undefined,
    maxConcurrentClients: spec.maxConcurrentClients,
    storageRoot: spec.storageRoot,
    creationTime,
    lastDisconnectionTime: lastDisconnectionTime ?? undefined,
    connections,
  };
  return { view, position, deletedTime, serverId: serverId ?? undefined, localId: localId ?? id, attempt };
}

/** What is true on a server that cannot be reached, nobody knows. What is gone, and what has no server yet, is known all the same; see session-search.ts. */
function seenState(recorded: SessionsTable['state'], serverId: string | null, reachable: 0 | 1 | null): SessionState {
  return recorded === 'DELETED' || serverId === null || reachable !== 0 ? recorded : 'UNKNOWN';
}

const substateOf = (serverId: string | null) => (serverId === null ? 'SESSION_PLACING' : 'PENDING_PREPARATION');

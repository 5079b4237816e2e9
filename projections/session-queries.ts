/** What the API asks about sessions. Their servers are named, not described: the caller knows more of them (telemetry) than the database. */
import { type CompiledQuery, type Expression, type ExpressionBuilder, type RawBuilder, sql } from 'kysely';
import type { SessionSpec } from '../domain/session/events.ts';
import type { Reader, SessionsTable, Tables } from './database.ts';
import { createLoader } from './loader.ts';
import { json, listed, packed, unpack, withParameters } from './packing.ts';
import { pageOf } from './paging.ts';
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

/** Each part that is given has to be met. */
export interface SessionSelection {
  /** Any of these. */
  readonly ids?: readonly string[] | undefined;
  /** Any of these. */
  readonly owners?: readonly string[] | undefined;
  /** All of these, on the session's server. */
  readonly tags?: readonly { readonly key: string; readonly value: string }[] | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: number | undefined;
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
      const { ids, owners, tags = [], limit, after = 0 } = selection;
      const deletedBefore = now - deletedVisibleMs;
      if (ids === undefined || tags.length > 0) {
        return pageOf(await search(reader, selection, deletedBefore), limit, describedOf);
      }
      const rows = (await byIds(ids)).filter(
        ({ position, deletedTime, view }) =>
          position > after && (deletedTime === null || deletedTime > deletedBefore) && (owners?.includes(view.owner) ?? true),
      );
      return pageOf(rows, limit, describedOf);
    },
  };
}

interface SessionRow extends DescribedSession {
  readonly position: number;
  readonly deletedTime: number | null;
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

/** `+` hides from SQLite that this is the key, so that it does not walk the whole table in its order. */
const UNORDERED_POSITION = sql<number>`+sessions.position`;
const POSITION = sql<number>`sessions.position`;

/**
 * One row more than the limit. The living and the lately deleted are looked up apart, each along an index, and merged in order, so that the
 * many that were deleted long ago cost nothing. Of one owner there are few, so that finding and sorting them beats walking all in order.
 */
function search(reader: Reader, selection: SessionSelection, deletedBefore: number): Promise<readonly SessionRow[]> {
  const isNarrow = selection.ids !== undefined || selection.owners !== undefined;
  const living = matching(reader, selection, isNarrow ? UNORDERED_POSITION : POSITION).where('sessions.deleted_time', 'is', null);
  const deleted = matching(reader, selection, UNORDERED_POSITION).where('sessions.deleted_time', '>', deletedBefore);
  const page = living
    .unionAll(deleted)
    .orderBy('position')
    .limit(selection.limit + 1);
  const query = sessionsWithServers(reader)
    .where('sessions.position', 'in', page)
    .select((eb) => packed(sessionColumns(eb), eb.ref('sessions.position')).as('rows'));
  return readSessions(reader, query.compile());
}

function matching(reader: Reader, { ids, owners, tags = [], after = 0 }: SessionSelection, position: RawBuilder<number>) {
  let query = reader.selectFrom('sessions').select(position.as('position')).where(position, '>', after);
  if (ids !== undefined) query = query.where('sessions.id', 'in', listed(ids));
  if (owners !== undefined) query = query.where('sessions.owner', 'in', listed(owners));
  for (const { key, value } of tags) {
    const tagged = reader.selectFrom('server_tags').select('server_id').where('key', '=', key).where('value', '=', value);
    query = query.where('sessions.server_id', 'in', tagged);
  }
  return query;
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

/** What is true on a server that cannot be reached, nobody knows. What is gone, and what has no server yet, is known all the same. */
function seenState(recorded: SessionsTable['state'], serverId: string | null, reachable: 0 | 1 | null): SessionState {
  return recorded === 'DELETED' || serverId === null || reachable === 1 ? recorded : 'UNKNOWN';
}

const substateOf = (serverId: string | null) => (serverId === null ? 'SESSION_PLACING' : 'PENDING_PREPARATION');

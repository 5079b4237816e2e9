/** What is asked about servers. Telemetry is not here: it never reaches the database. */
import { type Expression, type ExpressionBuilder, sql } from 'kysely';
import { brokerId, serverId, sessionId } from '../domain/ids.ts';
import type { FleetRow } from '../domain/placement/fleet.ts';
import { unavailability } from '../domain/server/capacity.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { SessionType } from '../domain/session/events.ts';
import type { Reader, Tables } from './database.ts';
import { json, listed, packed, unpack, withParameters } from './packing.ts';
import { pageOf, pagesOf } from './paging.ts';
import type { Page, ServerView } from './views.ts';

export interface ServerSelection {
  /** Any of these; absent: all. */
  readonly ids?: readonly string[] | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: number | undefined;
}

export interface ServerQueries {
  /** In the order in which they first registered; those that are removed, or not described yet, are not there. */
  describe(selection: ServerSelection): Promise<Page<ServerView>>;
  /** Those that were ever described, removed ones too, by id: for the sessions that name them. */
  named(ids: readonly string[]): Promise<ReadonlyMap<string, ServerView>>;
  /** Every server, removed ones too, with its slots, in pages: to fill the fleet index when a broker starts. */
  fleet(): AsyncIterable<readonly FleetRow[]>;
}

const PAGE = 500;

export function createServerQueries(reader: Reader): ServerQueries {
  const fleetBehind = fleetQuery(reader).compile();
  return {
    async describe(selection) {
      const rows = await unpack<PackedServer>(reader, describeQuery(reader, selection).compile());
      return pageOf(rows.map(rowOf), selection.limit, ({ view }) => view);
    },
    async named(ids) {
      const rows = await unpack<PackedServer>(reader, namedQuery(reader, ids).compile());
      return new Map(rows.map((row) => [row[0], rowOf(row).view]));
    },
    fleet: () =>
      pagesOf(async (after) => {
        const rows = await unpack<PackedFleetRow>(reader, withParameters(fleetBehind, after, PAGE));
        return rows.map(fleetRowOf);
      }),
  };
}

/** In the order of `conditionColumns`. */
type PackedConditions<Description> = readonly [
  id: string,
  position: number,
  description: Description,
  open: 0 | 1,
  reachable: 0 | 1,
  healthy: 0 | 1,
  loggedInUsers: readonly string[],
];

const present = (reader: Reader) => reader.selectFrom('servers').where('servers.removed_time', 'is', null);

function conditionColumns(eb: ExpressionBuilder<Tables, 'servers'>): readonly Expression<unknown>[] {
  return [
    eb.ref('servers.id'),
    eb.ref('servers.position'),
    json(eb.ref('servers.description')),
    eb.ref('servers.open'),
    eb.ref('servers.reachable'),
    eb.ref('servers.healthy'),
    json(eb.ref('servers.logged_in_users')),
  ];
}

/** Only described servers are asked for. */
type PackedServer = readonly [...PackedConditions<ServerDescription>, consoleSessions: number, virtualSessions: number];

function describeQuery(reader: Reader, { ids, after = 0, limit }: ServerSelection) {
  let page = present(reader).select('servers.position').where('servers.position', '>', after).where('servers.description', 'is not', null);
  if (ids !== undefined) page = page.where('servers.id', 'in', listed(ids));
  return packedServers(reader).where('servers.position', 'in', page.orderBy('servers.position').limit(limit + 1));
}

function namedQuery(reader: Reader, ids: readonly string[]) {
  return packedServers(reader).where('servers.id', 'in', listed(ids)).where('servers.description', 'is not', null);
}

function packedServers(reader: Reader) {
  return reader.selectFrom('servers').select((eb) => {
    const columns = [...conditionColumns(eb), slotCount(reader, 'CONSOLE'), slotCount(reader, 'VIRTUAL')];
    return packed(columns, eb.ref('servers.position')).as('rows');
  });
}

function slotCount(reader: Reader, sessionType: SessionType) {
  return reader
    .selectFrom('slots')
    .whereRef('slots.server_id', '=', sql.ref('servers.id'))
    .where('slots.session_type', '=', sessionType)
    .select((eb) => eb.fn.countAll<number>().as('count'));
}

function rowOf(row: PackedServer): { readonly view: ServerView; readonly position: number } {
  const [id, position, description, open, reachable, healthy, loggedInUsers, consoleSessions, virtualSessions] = row;
  const unavailabilityReason = unavailability({
    osFamily: description.os.family,
    maxVirtualSessions: description.maxVirtualSessions,
    maxSessionsPerOwner: description.maxSessionsPerOwner,
    open: open === 1,
    reachable: reachable === 1,
    healthy: healthy === 1,
    loggedInUsers,
    console: consoleSessions,
    virtual: virtualSessions,
  });
  return { position, view: { id, description, loggedInUsers, unavailabilityReason, consoleSessions, virtualSessions } };
}

type PackedSlot = readonly [sessionId: string, sessionType: SessionType, owner: string];
type PackedFleetRow = readonly [
  ...PackedConditions<ServerDescription | null>,
  broker: string | null,
  removedTime: number | null,
  revision: number,
  slots: readonly PackedSlot[],
];

function fleetQuery(reader: Reader) {
  const page = reader.selectFrom('servers').select('position').where('position', '>', 0).orderBy('position').limit(PAGE);
  const slots = reader
    .selectFrom('slots')
    .whereRef('slots.server_id', '=', sql.ref('servers.id'))
    .select((eb) => {
      const columns = [eb.ref('slots.session_id'), eb.ref('slots.session_type'), eb.ref('slots.owner')];
      return packed(columns, eb.ref('slots.session_id')).as('rows');
    });
  return reader
    .selectFrom('servers')
    .innerJoin('server_revisions', 'server_revisions.server_id', 'servers.id')
    .where('servers.position', 'in', page)
    .select((eb) => {
      const more = [eb.ref('servers.broker'), eb.ref('servers.removed_time')];
      const columns = [...conditionColumns(eb), ...more, eb.ref('server_revisions.revision'), sql`json(${slots})`];
      return packed(columns, eb.ref('servers.position')).as('rows');
    });
}

function fleetRowOf(row: PackedFleetRow): FleetRow & { readonly position: number } {
  const [id, position, description, open, reachable, healthy, loggedInUsers, broker, removedTime, revision, slots] = row;
  return {
    id: serverId(id),
    position,
    revision,
    description: description ?? undefined,
    open: open === 1,
    reachable: reachable === 1,
    healthy: healthy === 1,
    loggedInUsers,
    broker: broker === null ? null : brokerId(broker),
    ...(removedTime === null ? {} : { removed: true }),
    slots: slots.map(([session, sessionType, owner]) => ({ sessionId: sessionId(session), sessionType, owner })),
  };
}

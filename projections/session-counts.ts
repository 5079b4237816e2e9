/** How many sessions are in which state, for metrics. Counted along indexes; see docs/observability.md for what that costs. */
import { sql } from 'kysely';
import type { Reader } from './database.ts';

export interface SessionCounts {
  readonly byState: Readonly<Record<'CREATING' | 'READY' | 'DELETING' | 'UNKNOWN', number>>;
  /** Without a server yet. */
  readonly waiting: number;
  /** Since when the oldest of them has waited: milliseconds since 1970 (UTC). */
  readonly waitingSince: number | undefined;
}

type Living = 'CREATING' | 'READY' | 'DELETING';
interface StateCount {
  readonly state: Living;
  readonly count: number;
}

/** UNKNOWN is what is on a server that cannot be reached, as in descriptions. */
export async function countSessions(reader: Reader): Promise<SessionCounts> {
  const all = reader
    .selectFrom('sessions')
    .where('deleted_time', 'is', null)
    .groupBy('state')
    .select(['state', sql<number>`count(*)`.as('count')])
    .execute() as Promise<readonly StateCount[]>;
  const lost = reader
    .selectFrom('servers')
    .innerJoin('sessions', 'sessions.server_id', 'servers.id')
    .where(sql<boolean>`servers.reachable = 0`)
    .where('sessions.deleted_time', 'is', null)
    .groupBy('sessions.state')
    .select(['sessions.state', sql<number>`count(*)`.as('count')])
    .execute() as Promise<readonly StateCount[]>;
  const waiting = reader
    .selectFrom('sessions')
    .where(sql<boolean>`state in ('CREATING', 'DELETING')`)
    .where('state', '=', 'CREATING')
    .where('server_id', 'is', null)
    .select([sql<number>`count(*)`.as('count'), sql<number | null>`min(state_time)`.as('since')])
    .executeTakeFirstOrThrow();
  const [living, unknown, queue] = await Promise.all([all, lost, waiting]);
  const of = (rows: readonly StateCount[], state: Living): number => rows.find((row) => row.state === state)?.count ?? 0;
  const seen = (state: Living): number => of(living, state) - of(unknown, state);
  const UNKNOWN = unknown.reduce((sum, { count }) => sum + count, 0);
  return {
    byState: { CREATING: seen('CREATING'), READY: seen('READY'), DELETING: seen('DELETING'), UNKNOWN },
    waiting: queue.count,
    waitingSince: queue.since ?? undefined,
  };
}

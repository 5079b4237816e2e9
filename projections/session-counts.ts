/**
 * How many sessions are in which state, for metrics. Each statement walks an index in which everything stands that it asks for; which one is said, because
 * SQLite would take those by which few rows are found, and look at every row.
 */
import { CompiledQuery } from 'kysely';
import type { Reader } from './database.ts';

export interface SessionCounts {
  readonly byState: Readonly<Record<'CREATING' | 'READY' | 'DELETING' | 'UNKNOWN', number>>;
  /** Without a server yet. */
  readonly waiting: number;
  /** Since when the oldest of them has waited: milliseconds since 1970 (UTC). */
  readonly waitingSince: number | undefined;
}

interface Count {
  readonly count: number;
}
interface StateCount extends Count {
  readonly state: 'CREATING' | 'READY' | 'DELETING';
}

const LIVING = `SELECT state, count(*) AS count FROM sessions INDEXED BY sessions_by_state WHERE deleted_time IS NULL GROUP BY state`;
/** On servers that cannot be reached. */
const LOST = `SELECT count(*) AS count
  FROM servers INDEXED BY servers_unreachable CROSS JOIN sessions INDEXED BY sessions_by_server
  WHERE servers.reachable = 0 AND sessions.server_id = servers.id AND sessions.deleted_time IS NULL`;
const LOST_PENDING = `SELECT state, count(*) AS count FROM sessions INDEXED BY sessions_pending CROSS JOIN servers
  WHERE state IN ('CREATING', 'DELETING') AND servers.id = sessions.server_id AND servers.reachable = 0 GROUP BY state`;
const WAITING = `SELECT count(*) AS count, min(state_time) AS since FROM sessions INDEXED BY sessions_pending
  WHERE state IN ('CREATING', 'DELETING') AND state = 'CREATING' AND server_id IS NULL`;

/** For a test that they are walked along their indexes. */
export const STATEMENTS: readonly string[] = [LIVING, LOST, LOST_PENDING, WAITING];

/** UNKNOWN is what is on a server that cannot be reached, as in descriptions. */
export async function countSessions(reader: Reader): Promise<SessionCounts> {
  const ask = async <Row>(statement: string) => (await reader.executeQuery(CompiledQuery.raw(statement))).rows as readonly Row[];
  const [living, lost, pending, waiting] = await Promise.all([
    ask<StateCount>(LIVING),
    ask<Count>(LOST),
    ask<StateCount>(LOST_PENDING),
    ask<Count & { readonly since: number | null }>(WAITING),
  ]);
  const of = (rows: readonly StateCount[], state: StateCount['state']): number => rows.find((row) => row.state === state)?.count ?? 0;
  const [UNKNOWN, creating, deleting] = [sum(lost), of(pending, 'CREATING'), of(pending, 'DELETING')];
  return {
    byState: {
      CREATING: of(living, 'CREATING') - creating,
      READY: of(living, 'READY') - (UNKNOWN - creating - deleting),
      DELETING: of(living, 'DELETING') - deleting,
      UNKNOWN,
    },
    waiting: sum(waiting),
    waitingSince: waiting[0]?.since ?? undefined,
  };
}

const sum = (rows: readonly Count[]): number => rows.reduce((total, { count }) => total + count, 0);

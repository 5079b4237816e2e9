/** The read models as the broker uses them: queries, joined with what only memory knows of servers (telemetry), and bounded waiting. */

import type { Position } from '../domain/facts.ts';
import { serverId, sessionId } from '../domain/ids.ts';
import type { Fleet } from '../domain/placement/fleet.ts';
import type { Beliefs } from '../domain/ports/beliefs.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { type EventLog, LogBusyError } from '../domain/ports/event-log.ts';
import type { Reader } from '../projections/database.ts';
import type { Projector } from '../projections/projector.ts';
import { createServerQueries } from '../projections/server-queries.ts';
import { createSessionQueries, type DescribedSession } from '../projections/session-queries.ts';
import type { ServerView, SessionView } from '../projections/views.ts';
import { createWorkQueries } from '../projections/work-queries.ts';
import type { Reads } from './operations.ts';

export interface ReadsOptions {
  readonly log: Pick<EventLog, 'head'>;
  readonly reader: Reader;
  readonly projector: Projector;
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** How long a deleted session is still described. */
  readonly deletedVisibleMs: number;
  /** How long a call waits for the read models to catch up. */
  readonly patienceMs: number;
}

export function createReads({ log, reader, projector, fleet, clock, deletedVisibleMs, patienceMs }: ReadsOptions): Reads & Beliefs {
  const sessions = createSessionQueries(reader, { deletedVisibleMs });
  const servers = createServerQueries(reader);
  const work = createWorkQueries(reader);

  /** A server that is gone is still named by the sessions that it had. */
  function serverOf(id: string): ServerView | undefined {
    const known = fleet.get(serverId(id));
    if (known?.description === undefined) return undefined;
    const { description, telemetry, loggedInUsers, console, virtual } = known;
    return { id, description, telemetry, loggedInUsers, consoleSessions: console, virtualSessions: virtual };
  }

  function viewOf({ view, serverId: id }: DescribedSession): SessionView {
    return id === undefined ? view : { ...view, server: serverOf(id) };
  }

  async function reached(position: Position): Promise<void> {
    if (await projector.reached(position, patienceMs)) return;
    throw new LogBusyError(`The read models are not at position ${position} after ${patienceMs} ms.`);
  }

  return {
    reached,
    async describeSessions(query) {
      const page = await sessions.describe(query, clock.now());
      return { ...page, items: page.items.map(viewOf) };
    },
    async describeServers(query) {
      const page = await servers.describe(query);
      return { ...page, items: page.items.map((view) => ({ ...view, telemetry: fleet.get(serverId(view.id))?.telemetry })) };
    },
    async place(id) {
      const [found] = (await sessions.describe({ ids: [id], limit: 1 }, clock.now())).items;
      return found?.serverId === undefined ? undefined : { serverId: found.serverId, localId: found.localId };
    },
    async sessionsOn(id) {
      await reached(await log.head());
      return (await work.onServer(id)).map(({ id: placed, ...rest }) => ({ ...rest, sessionId: sessionId(placed) }));
    },
  };
}

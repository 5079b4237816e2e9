/**
 * The Describe calls over read models as they were at a moment. Everything is as of then: which servers could be reached, and which deleted sessions were still
 * shown. What was never in the log is not there: the load of servers.
 */
import type { Reader } from '../../projections/database.ts';
import { createServerQueries } from '../../projections/server-queries.ts';
import { createSessionQueries } from '../../projections/session-queries.ts';
import type { Page, ServerView, SessionView } from '../../projections/views.ts';
import type { ServerQuery, SessionQuery } from '../application.ts';

export interface PastReads {
  describeSessions(query: SessionQuery): Promise<Page<SessionView>>;
  describeServers(query: ServerQuery): Promise<Page<ServerView>>;
}

export interface PastOptions {
  /** Milliseconds since 1970 (UTC). */
  readonly time: number;
  /** How long a deleted session is described. */
  readonly deletedVisibleMs: number;
}

export function createPastReads(reader: Reader, { time, deletedVisibleMs }: PastOptions): PastReads {
  const sessions = createSessionQueries(reader, { deletedVisibleMs });
  const servers = createServerQueries(reader);
  return {
    async describeSessions(query) {
      const { items, ...page } = await sessions.describe(query, time);
      const places = await servers.named(items.flatMap(({ serverId }) => serverId ?? []));
      return { ...page, items: items.map(({ view, serverId = '' }) => ({ ...view, server: places.get(serverId) })) };
    },
    describeServers: servers.describe,
  };
}

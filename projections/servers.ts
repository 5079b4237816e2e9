/** Servers as they are described and placed on: what they are, their tags, and the slots that are taken. */
import type { HeldBy, ServerEvent } from '../domain/server/events.ts';
import type { ShapeOf } from './changes.ts';
import { type Projection, projectionOf } from './projection.ts';

const SERVERS: ShapeOf<'servers'> = {
  table: 'servers',
  key: ['id'],
  columns: [
    'position',
    'agent_client_id',
    'broker',
    'description',
    'open',
    'reachable',
    'unreachable_time',
    'healthy',
    'health_reason',
    'logged_in_users',
    'removed_time',
  ],
  whole: false,
};

const SERVER_REVISIONS: ShapeOf<'server_revisions'> = {
  table: 'server_revisions',
  key: ['server_id'],
  columns: ['revision'],
  whole: true,
};

const SERVER_TAGS: ShapeOf<'server_tags'> = { table: 'server_tags', key: ['server_id', 'key'], columns: ['value'], whole: true };

const SLOTS: ShapeOf<'slots'> = {
  table: 'slots',
  key: ['server_id', 'session_id'],
  columns: ['session_type', 'owner', 'attempt'],
  whole: true,
};

const heldBy = ({ broker }: HeldBy) => ({ broker, reachable: true, unreachable_time: null }) as const;

export const servers: Projection = projectionOf<ServerEvent>({
  name: 'servers',
  shapes: [SERVERS, SERVER_REVISIONS, SERVER_TAGS, SLOTS],
  subjects: ['server'],
  each: ({ revision }, id, changes) => changes.upsert(SERVER_REVISIONS, [id], { revision }),
  handlers: {
    'server.registered': ({ data, position }, id, changes) => {
      const initially = { position, open: true, healthy: true, logged_in_users: [] };
      changes.upsert(SERVERS, [id], { agent_client_id: data.agentClientId, ...heldBy(data), removed_time: null }, initially);
    },
    'server.described': ({ data }, id, changes) => {
      changes.change(SERVERS, [id], { description: data });
      changes.remove(SERVER_TAGS, [id]);
      for (const { key, value } of data.tags) changes.upsert(SERVER_TAGS, [id, key], { value });
    },
    'server.opened': (_, id, changes) => changes.change(SERVERS, [id], { open: true }),
    'server.closed': (_, id, changes) => changes.change(SERVERS, [id], { open: false }),
    'server.slot-reserved': ({ data }, id, changes) => {
      const { sessionId, sessionType, owner, attempt } = data;
      changes.upsert(SLOTS, [id, sessionId], { session_type: sessionType, owner, attempt });
    },
    'server.slot-released': ({ data }, id, changes) => changes.remove(SLOTS, [id, data.sessionId]),
    'server.became-unreachable': ({ time }, id, changes) => {
      changes.change(SERVERS, [id], { reachable: false, unreachable_time: time });
    },
    'server.became-reachable': ({ data }, id, changes) => changes.change(SERVERS, [id], heldBy(data)),
    'server.health-changed': ({ data }, id, changes) => {
      changes.change(SERVERS, [id], { healthy: data.healthy, health_reason: data.reason ?? null });
    },
    'server.logged-in-users-changed': ({ data }, id, changes) => changes.change(SERVERS, [id], { logged_in_users: data.users }),
    'server.removed': ({ time }, id, changes) => {
      changes.change(SERVERS, [id], { removed_time: time, reachable: false });
      changes.remove(SLOTS, [id]);
    },
  },
});

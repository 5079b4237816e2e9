/** Sessions as they are described, with what an order to an agent needs, so that orders can be made again after a restart. */
import type { SessionEvent } from '../domain/session/events.ts';
import type { ShapeOf } from './changes.ts';
import { type Projection, projectionOf } from './projection.ts';

const SESSIONS: ShapeOf<'sessions'> = {
  table: 'sessions',
  key: ['id'],
  columns: [
    'position',
    'state',
    'state_time',
    'state_reason',
    'owner',
    'name',
    'spec',
    'permissions_file',
    'wish',
    'server_id',
    'attempt',
    'local_id',
    'connections',
    'created_time',
    'last_disconnection_time',
    'deleted_time',
  ],
  whole: false,
};

export const sessions: Projection = projectionOf<SessionEvent>({
  name: 'sessions',
  shapes: [SESSIONS],
  subjects: ['session'],
  handlers: {
    'session.requested': ({ data, position, time }, id, changes) => {
      const { requirements, enqueue, retry, permissionsFile, ...spec } = data;
      const wish = { requirements, enqueue, retry };
      const { owner, name } = spec;
      const set = { state: 'CREATING', state_time: time, owner, name, spec, wish, permissions_file: permissionsFile } as const;
      changes.upsert(SESSIONS, [id], set, { position, created_time: time, attempt: 0, connections: 0 });
    },
    /** Its caller was told; nobody else ever hears of it but the auditor, in the history. */
    'session.refused': (_, id, changes) => changes.remove(SESSIONS, [id]),
    /** These are said to whoever asked for it, and in the history. */
    'session.queued': () => undefined,
    'session.acknowledged': () => undefined,
    'session.placement-restarted': () => undefined,
    'session.placed': ({ data, time }, id, changes) => {
      changes.change(SESSIONS, [id], { server_id: data.serverId, attempt: data.attempt, state_time: time });
    },
    'session.started': ({ time }, id, changes) => {
      changes.change(SESSIONS, [id], { state: 'READY', state_time: time, state_reason: null });
    },
    'session.failed': ({ data, time }, id, changes) => {
      const then = data.retrying ? ({ server_id: null } as const) : ({ state: 'DELETED', deleted_time: time } as const);
      changes.change(SESSIONS, [id], { ...then, state_time: time, state_reason: data.reason });
    },
    'session.deletion-requested': ({ time }, id, changes) => {
      changes.change(SESSIONS, [id], { state: 'DELETING', state_time: time });
    },
    'session.deleted': ({ data, time }, id, changes) => {
      const gone = { state: 'DELETED', state_time: time, deleted_time: time, connections: 0 } as const;
      changes.change(SESSIONS, [id], { ...gone, state_reason: data.reason });
    },
    'session.permissions-updated': ({ data }, id, changes) => {
      changes.change(SESSIONS, [id], { permissions_file: data.permissionsFile });
    },
    'session.connections-changed': ({ data }, id, changes) => {
      changes.change(SESSIONS, [id], { connections: data.count, last_disconnection_time: data.lastDisconnectionTime });
    },
    /** A new life, whether or not the one before is remembered: see purging.ts. */
    'session.adopted': ({ data, position, time }, id, changes) => {
      const { serverId, localId, creationTime, connections, attempt = 0, permissionsFile = null, ...spec } = data;
      const alive = { position, state: 'READY', state_time: time, wish: { enqueue: false, retry: false } } as const;
      const where = { server_id: serverId, local_id: localId, attempt, created_time: creationTime, connections };
      changes.remove(SESSIONS, [id]);
      changes.upsert(SESSIONS, [id], { ...alive, ...where, owner: spec.owner, name: spec.name, spec, permissions_file: permissionsFile });
    },
  },
});

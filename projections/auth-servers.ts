/** The authorization servers elsewhere that are trusted. */
import type { AuthServerEvent } from '../domain/auth-server/events.ts';
import type { ShapeOf } from './changes.ts';
import { type Projection, projectionOf } from './projection.ts';

const AUTH_SERVERS: ShapeOf<'auth_servers'> = { table: 'auth_servers', key: ['id'], columns: ['url', 'issuer'], whole: true };

export const authServers: Projection = projectionOf<AuthServerEvent>({
  name: 'auth-servers',
  shapes: [AUTH_SERVERS],
  subjects: ['auth-server'],
  handlers: {
    'auth-server.registered': ({ data: { url, issuer } }, id, changes) => changes.upsert(AUTH_SERVERS, [id], { url, issuer }),
    'auth-server.unregistered': (_, id, changes) => changes.remove(AUTH_SERVERS, [id]),
  },
});

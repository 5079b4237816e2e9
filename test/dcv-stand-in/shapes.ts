/** Sessions and connections in the shapes that versions of the DCV server print. */
import type { Knobs } from './knobs.ts';
import type { StandInSession } from './store.ts';

export function sessionJson(session: StandInSession, shape: Knobs['shape']): object {
  const { id, name, owner, user, type, storageRoot, creationTime, lastDisconnectionTime, users } = session;
  const common = { id, owner, name, 'storage-root': storageRoot, type, licenses: [], 'display-layout': [LAYOUT] };
  const inSeconds = (time: string): string => time.replace(/\.\d+Z$/, 'Z');
  switch (shape) {
    case 'oldest':
      return common;
    case 'old':
      return {
        ...common,
        'num-of-connections': users.length,
        'creation-time': inSeconds(creationTime),
        'last-disconnection-time': inSeconds(lastDisconnectionTime),
        'x11-display': ':0',
        'x11-authority': `/run/user/1000/dcv/${id}.xauth`,
      };
    case 'new':
      return {
        ...common,
        user,
        status: 'created',
        'num-of-connections': users.length,
        'creation-time': creationTime,
        'last-disconnection-time': lastDisconnectionTime === '' ? null : lastDisconnectionTime,
        'licensing-mode': 'DEMO',
        licenses: [{ product: 'dcv', status: 'licensed', 'check-timestamp': creationTime, 'expiration-date': creationTime }],
      };
  }
}

const LAYOUT = { width: 1024, height: 768, x: 0, y: 0 };

export function sessionLine({ id, owner, type, name }: StandInSession, quoted: boolean): string {
  return quoted ? `Session: '${id}' (owner:${owner} type:${type} name:'${name}')` : `Session: ${id} (owner:${owner} type:${type})`;
}

export function connectionsJson({ users, creationTime }: StandInSession): readonly object[] {
  return users.map((username, index) => ({
    id: index + 1,
    username,
    'user-agent': 'Amazon DCV Client 2024.0 (r8000; Linux)',
    'client-mode': 'classic',
    'client-address': `10.0.0.${index + 1}:50000`,
    'connection-time': creationTime,
    'last-interaction-time': creationTime,
    'first-frame-time': creationTime,
    transport: 'quic',
  }));
}

/** Microseconds, which a clock of JavaScript has none of. */
export const timestamp = (time: Date): string => time.toISOString().replace('Z', '000Z');

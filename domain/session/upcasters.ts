/** What lifts older facts about sessions. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { SessionEvent } from './events.ts';

export const sessionUpcasters: Upcasters<SessionEvent> = {
  'session.requested': [],
  'session.refused': [],
  'session.queued': [],
  'session.acknowledged': [],
  'session.placement-restarted': [],
  'session.placed': [withChoice],
  'session.started': [],
  'session.failed': [],
  'session.deletion-requested': [],
  'session.deleted': [],
  'session.permissions-updated': [],
  'session.connections-changed': [],
  'session.adopted': [],
};

/** In version 1 the choice lay beside the server, without a name of its own; and the first of these facts had none. */
function withChoice(data: object): object {
  const { serverId, attempt, ...choice } = data as { readonly serverId: string; readonly attempt: number; readonly policy?: string };
  return { serverId, attempt, choice: choice.policy === undefined ? null : { failed: [], ...choice } };
}

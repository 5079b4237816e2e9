/** What lifts older facts about servers. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { ServerEvent } from './events.ts';

export const serverUpcasters: Upcasters<ServerEvent> = {
  'server.registered': [withBroker],
  'server.described': [],
  'server.opened': [],
  'server.closed': [],
  'server.slot-reserved': [],
  'server.slot-released': [],
  'server.became-unreachable': [],
  'server.became-reachable': [withBroker],
  'server.health-changed': [],
  'server.logged-in-users-changed': [],
  'server.removed': [],
};

/** In version 1 there was one broker, and nothing to tell. */
function withBroker(data: object): object {
  return { ...data, broker: null };
}

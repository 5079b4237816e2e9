/** What lifts older facts about servers. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { ServerEvent } from './events.ts';

export const serverUpcasters: Upcasters<ServerEvent> = {
  'server.registered': [],
  'server.described': [],
  'server.opened': [],
  'server.closed': [],
  'server.slot-reserved': [],
  'server.slot-released': [],
  'server.became-unreachable': [],
  'server.became-reachable': [],
  'server.health-changed': [],
  'server.logged-in-users-changed': [],
  'server.removed': [],
};

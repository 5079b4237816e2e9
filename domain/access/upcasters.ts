/** What lifts older facts about credentials. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { AccessEvent } from './events.ts';
import { EVERYTHING } from './reach.ts';

export const accessUpcasters: Upcasters<AccessEvent> = {
  'api-client.registered': [withReach],
  'api-client.unregistered': [],
  'software-statement.issued': [],
  'software-statement.deactivated': [],
  'agent-client.registered': [],
  'agent-client.unregistered': [],
};

/** In version 1 every client could do everything. */
function withReach(data: object): object {
  return { ...data, ...EVERYTHING };
}

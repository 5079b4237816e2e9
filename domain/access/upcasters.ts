/** What lifts older facts about credentials. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { AccessEvent } from './events.ts';

export const accessUpcasters: Upcasters<AccessEvent> = {
  'api-client.registered': [],
  'api-client.unregistered': [],
  'software-statement.issued': [],
  'software-statement.deactivated': [],
  'agent-client.registered': [],
  'agent-client.unregistered': [],
};

/** What lifts older facts about requests with a key. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { RequestEvent } from './events.ts';

export const requestUpcasters: Upcasters<RequestEvent> = {
  'request.accepted': [],
  'request.answered': [],
};

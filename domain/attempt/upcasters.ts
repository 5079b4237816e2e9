/** What lifts older facts about attempts. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { AttemptEvent } from './events.ts';

export const attemptUpcasters: Upcasters<AttemptEvent> = {
  'attempt.refused': [],
  'login.accepted': [],
  'attempt.omitted': [],
};

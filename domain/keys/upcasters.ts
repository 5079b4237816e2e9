/** What lifts older facts about keys. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { KeyEvent } from './events.ts';

export const keyUpcasters: Upcasters<KeyEvent> = {
  'signing-key.created': [],
  'authority.created': [],
};

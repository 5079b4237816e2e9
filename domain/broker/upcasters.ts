/** What lifts older facts about brokers. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { BrokerEvent } from './events.ts';

export const brokerUpcasters: Upcasters<BrokerEvent> = {
  'broker.joined': [],
  'broker.left': [],
};

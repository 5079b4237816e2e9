/** The brokers that serve: who is there, and where. */
import type { BrokerEvent } from '../domain/broker/events.ts';
import type { ShapeOf } from './changes.ts';
import { type Projection, projectionOf } from './projection.ts';

const BROKERS: ShapeOf<'brokers'> = { table: 'brokers', key: ['id'], columns: ['host', 'url'], whole: true };

export const brokers: Projection = projectionOf<BrokerEvent>({
  name: 'brokers',
  shapes: [BROKERS],
  subjects: ['broker'],
  handlers: {
    'broker.joined': ({ data: { host, url } }, id, changes) => changes.upsert(BROKERS, [id], { host, url }),
    'broker.left': (_, id, changes) => changes.remove(BROKERS, [id]),
  },
});

/** The DNS mappings that hold: the last list that was registered. */
import type { DnsEvent } from '../domain/dns/events.ts';
import type { ShapeOf } from './changes.ts';
import { type Projection, projectionOf } from './projection.ts';

const DNS_MAPPINGS: ShapeOf<'dns_mappings'> = { table: 'dns_mappings', key: ['id'], columns: ['mappings'], whole: true };

/** There is one list. */
const ONLY = 'all';

export const dns: Projection = projectionOf<DnsEvent>({
  name: 'dns',
  shapes: [DNS_MAPPINGS],
  subjects: ['dns-mappings'],
  handlers: {
    'dns-mappings.registered': ({ data }, _, changes) => changes.upsert(DNS_MAPPINGS, [ONLY], { mappings: data.mappings }),
  },
});

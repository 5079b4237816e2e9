/** What lifts older facts about DNS mappings. A step is never changed once facts of its version are stored. */
import type { Upcasters } from '../upcasting.ts';
import type { DnsEvent } from './events.ts';

export const dnsUpcasters: Upcasters<DnsEvent> = { 'dns-mappings.registered': [] };

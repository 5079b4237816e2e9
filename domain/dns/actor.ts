/** The DNS mappings as an actor: there is one, of the stream `dns-mappings`. */
import type { ActorKind } from '../actors.ts';
import { accepted, type Decision } from '../decision.ts';
import { type DnsEvent, type DnsMapping, MAX_DNS_MAPPINGS } from './events.ts';
import { type DnsSnapshot, dnsMachine } from './machine.ts';

export interface DnsCommand {
  readonly type: 'register';
  readonly mappings: readonly DnsMapping[];
}

/** The only one of its kind. */
export const DNS_MAPPINGS = 'mappings';

export const dnsKind: ActorKind<typeof dnsMachine, DnsCommand, DnsEvent> = {
  category: 'dns',
  machine: dnsMachine,
  decide: decideDns,
  isOver: () => false,
};

/** What is registered already is not registered again. */
function decideDns({ context }: DnsSnapshot, { mappings }: DnsCommand): Decision<DnsEvent> {
  if (mappings.length > MAX_DNS_MAPPINGS) return { rejected: { code: 'TOO_MANY', reason: `More than ${MAX_DNS_MAPPINGS} DNS mappings.` } };
  const isSame = JSON.stringify(context.mappings) === JSON.stringify(mappings);
  return isSame ? accepted() : accepted({ type: 'dns-mappings.registered', data: { mappings } });
}

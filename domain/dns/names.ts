/** The operator's names for servers, in memory: gateways ask with every connection. The list is the last one that was registered at any broker. */
import type { RecordedFact } from '../facts.ts';
import type { DnsMappings, MappableServer } from '../ports/dns-mappings.ts';
import type { DnsEvent, DnsMapping, ServerIdType } from './events.ts';

export interface DnsNames extends DnsMappings {
  put(mappings: readonly DnsMapping[]): void;
  /** As a process: moves on with the facts of whichever broker. */
  dns(fact: RecordedFact<DnsEvent>): void;
}

/** A server's id is its own; an address may be another's tomorrow. So where several mappings name a server, the first of these counts. */
const NAMED_BY: readonly (readonly [ServerIdType, (server: MappableServer) => string | undefined])[] = [
  ['Id', ({ id }) => id],
  ['Host.Aws.Ec2InstanceId', ({ ec2InstanceId }) => ec2InstanceId],
  ['Ip', ({ ip }) => ip],
];

export function createDnsNames(): DnsNames {
  let names: ReadonlyMap<string, string> = new Map();

  function put(mappings: readonly DnsMapping[]): void {
    names = new Map(mappings.map(({ serverIdType, serverId, internalDnsName }) => [keyOf(serverIdType, serverId), internalDnsName]));
  }

  return {
    put,
    dns: ({ data }) => put(data.mappings),
    internalName(server) {
      for (const [type, idOf] of NAMED_BY) {
        const id = idOf(server);
        const name = id === undefined ? undefined : names.get(keyOf(type, id));
        if (name !== undefined) return name;
      }
      return undefined;
    },
  };
}

const keyOf = (type: ServerIdType, id: string): string => `${type} ${id}`;

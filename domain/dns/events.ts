/** What can be said of the names by which clients reach servers from elsewhere. Stored for ever (see upcasters.ts). */

/** How a mapping names its server: by an address, by the server's id, or by that of its EC2 instance. */
export const SERVER_ID_TYPES = ['Ip', 'Id', 'Host.Aws.Ec2InstanceId'] as const;
export type ServerIdType = (typeof SERVER_ID_TYPES)[number];

export interface DnsMapping {
  readonly serverIdType: ServerIdType;
  readonly serverId: string;
  /** For gateways, which are inside. */
  readonly internalDnsName: string;
  /** Absent: none is known. */
  readonly externalDnsName?: string;
}

/** In one list; the log takes no fact beyond a megabyte. */
export const MAX_DNS_MAPPINGS = 2_500;

/** The whole list, which takes the place of the one before. */
export interface DnsEvent {
  readonly type: 'dns-mappings.registered';
  readonly data: { readonly mappings: readonly DnsMapping[] };
}

/** The names by which connection gateways reach servers, where the operator has given them other ones than they give themselves. */

/** What a mapping can name a server by. */
export interface MappableServer {
  readonly id: string;
  readonly ip: string;
  readonly ec2InstanceId?: string | undefined;
}

export interface DnsMappings {
  /** The internal DNS name of this server; undefined where nobody gave it one. From memory. */
  internalName(server: MappableServer): string | undefined;
}

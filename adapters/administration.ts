/** What an administrator on the broker's machine can do: hand out credentials, list them and take them back, and renew the keys that tokens are signed with. */
import type { CredentialKind } from '../domain/access/actor.ts';
import { type ActorPorts, createActors } from '../domain/actors.ts';
import type { AuthServer } from '../domain/auth-server/events.ts';
import type { Rejection } from '../domain/decision.ts';
import { DNS_MAPPINGS, dnsKind } from '../domain/dns/actor.ts';
import type { DnsMapping } from '../domain/dns/events.ts';
import type { Origin } from '../domain/facts.ts';
import { streamName } from '../domain/ids.ts';
import type { AccessQueries, ListedCredential } from '../projections/access-queries.ts';
import type { Access } from './access.ts';
import type { AuthServers } from './auth-servers.ts';
import type { OpenSigningKeys } from './secrets/signing-keys.ts';

export interface AdministrationPorts extends ActorPorts {
  readonly access: Access;
  readonly authServers: AuthServers;
  readonly credentials: AccessQueries;
  readonly signingKeys: Pick<OpenSigningKeys, 'renew'>;
  /** Resolves when the read models hold everything that was acknowledged. */
  readable(): Promise<void>;
}

export interface ListedStatement extends ListedCredential {
  /** Milliseconds since 1970 (UTC). */
  readonly issuedAt: number;
}

export interface Administration extends Pick<Access, 'registerApiClient' | 'issueSoftwareStatement' | 'revoke'> {
  /** With those that are not valid any more. */
  list(kind: CredentialKind): Promise<readonly ListedCredential[]>;
  listStatements(): Promise<readonly ListedStatement[]>;
  /** By the statement itself or by its id. False: there is none that is active. */
  deactivateStatement(statement: string, origin: Origin): Promise<boolean>;
  renewKeys(origin: Origin): Promise<void>;
  /** The list takes the place of the one before. */
  registerDnsMappings(mappings: readonly DnsMapping[], origin: Origin): Promise<void>;
  listDnsMappings(): Promise<readonly DnsMapping[]>;
  /** Undefined: it is trusted from now on. */
  registerAuthServer(server: AuthServer, origin: Origin): Promise<Rejection | undefined>;
  /** False: there is none with this URL. */
  unregisterAuthServer(url: string, origin: Origin): Promise<boolean>;
  listAuthServers(): readonly AuthServer[];
}

/** Listed at a time; a fleet has as many agents. */
const MAX_LISTED = 100_000;

export function createAdministration(ports: AdministrationPorts): Administration {
  const { access, authServers, credentials, signingKeys, log, readable } = ports;
  async function list(kind: CredentialKind): Promise<readonly ListedCredential[]> {
    await readable();
    return credentials.listed(kind, MAX_LISTED);
  }

  return {
    registerAuthServer: authServers.register,
    unregisterAuthServer: authServers.unregister,
    listAuthServers: authServers.list,
    registerApiClient: access.registerApiClient,
    issueSoftwareStatement: access.issueSoftwareStatement,
    revoke: access.revoke,
    list,
    /** One after another: administrators make few of them, and when is only in the log. */
    async listStatements() {
      const statements: ListedStatement[] = [];
      for (const statement of await list('software-statement')) {
        const [issued] = await log.readStream(streamName('software-statement', statement.id), 0, 1);
        statements.push({ ...statement, issuedAt: issued?.time ?? 0 });
      }
      return statements;
    },
    async deactivateStatement(statement, origin) {
      const id = access.findStatement(statement);
      return id !== undefined && access.revoke('software-statement', id, origin);
    },
    renewKeys: signingKeys.renew,
    async registerDnsMappings(mappings, origin) {
      await createActors(dnsKind, ports).execute(DNS_MAPPINGS, { type: 'register', mappings }, origin);
    },
    /** Read anew each time, since another broker may have registered others. */
    listDnsMappings: async () => (await createActors(dnsKind, ports).look(DNS_MAPPINGS)).context.mappings,
  };
}

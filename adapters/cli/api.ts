/** The client API as `berth start` uses it: to learn that everything it started really answers. */
import { readFile } from 'node:fs/promises';
import { createClient } from '../client/client.ts';
import type { ConnectionFile } from '../connection-file.ts';
import type { Server } from '../wire/servers.ts';

export type ListedServer = Server;

export interface ApiClient {
  /** The first 1,000 of them. Rejects when the broker does not answer, or not with success. */
  describeServers(): Promise<readonly ListedServer[]>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5000;

/** `tokens`: whether the broker asks for them; where it does not, it does not look at one either. */
export async function createApiClient(connection: ConnectionFile, tokens = true): Promise<ApiClient> {
  const { url, caFile, clientId: id, clientPassword: password } = connection;
  const access = tokens ? { authServerUrl: `${url}/oauth2/token`, id, password } : { token: 'none' };
  const ca = await readFile(caFile, 'utf8');
  const client = createClient({ brokerUrl: url, access, ca, verify: true }, { timeoutMs: TIMEOUT_MS });
  return {
    describeServers: async () => (await client.call('describeServers', {})).Servers ?? [],
    close: client.close,
  };
}

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

export async function createApiClient({ url, caFile, clientId: id, clientPassword: password }: ConnectionFile): Promise<ApiClient> {
  const access = { authServerUrl: `${url}/oauth2/token`, id, password };
  const ca = await readFile(caFile, 'utf8');
  const client = createClient({ brokerUrl: url, access, ca, verify: true }, { timeoutMs: TIMEOUT_MS });
  return {
    describeServers: async () => (await client.call('describeServers', {})).Servers ?? [],
    close: client.close,
  };
}

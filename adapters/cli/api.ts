/** The client API as a caller sees it: how `berth start` learns that everything it started really answers. */
import { readFile } from 'node:fs/promises';
import { Agent, fetch } from 'undici';
import { z } from 'zod';
import type { ConnectionFile } from '../connection-file.ts';

const tokenAnswer = z.object({ access_token: z.string() });

const serversAnswer = z.object({
  Servers: z.array(
    z.object({
      Hostname: z.string(),
      Availability: z.string(),
      UnavailabilityReason: z.string().optional(),
      Tags: z.array(z.object({ Key: z.string(), Value: z.string() })),
      Host: z.object({
        Os: z.object({ Name: z.string() }),
        Memory: z.object({ TotalBytes: z.number() }),
        CpuInfo: z.object({ NumberOfCpus: z.number() }),
      }),
    }),
  ),
});

export type ListedServer = z.infer<typeof serversAnswer>['Servers'][number];

export interface ApiClient {
  /** The first 1,000 of them. Rejects when the broker does not answer, or not with success. */
  describeServers(): Promise<readonly ListedServer[]>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5000;

export async function createApiClient({ url, caFile, clientId, clientPassword }: ConnectionFile): Promise<ApiClient> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } });

  async function call(path: string, authorization: string, body: string): Promise<unknown> {
    const type = body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded';
    const headers = { authorization, 'content-type': type };
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body, dispatcher, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  return {
    async describeServers() {
      const credentials = Buffer.from(`${clientId}:${clientPassword}`).toString('base64');
      const token = tokenAnswer.parse(await call('/oauth2/token', `Basic ${credentials}`, 'grant_type=client_credentials'));
      return serversAnswer.parse(await call('/describeServers', `Bearer ${token.access_token}`, '{}')).Servers;
    },
    close: () => dispatcher.close(),
  };
}

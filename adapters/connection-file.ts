/**
 * `connection.json` in the data folder: what a client or an agent on this machine needs to reach the broker. It is the only place where
 * the password of the broker's first API client is kept, so only its owner may read it.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Origin } from '../domain/facts.ts';
import type { Access } from './access.ts';
import { PRIVATE_MODE, replaceFile } from './files.ts';

export interface Endpoints {
  /** Of the client API, without a slash at the end. */
  readonly url: string;
  readonly agentHost: string;
  readonly agentPort: number;
  /** Absolute path of the authority's certificate, PEM. */
  readonly caFile: string;
}

export interface ConnectionFile extends Endpoints {
  readonly clientId: string;
  readonly clientPassword: string;
  /** Absolute path of the permit with which agents enrol. */
  readonly softwareStatementFile: string;
}

/** Where credentials are given out. */
type Desk = Pick<Access, 'isActive' | 'registerApiClient' | 'issueSoftwareStatement'>;

export const CONNECTION_FILE = 'connection.json';
const CLIENT_NAME = 'default';

const stored = z.object({
  url: z.string(),
  agentHost: z.string(),
  agentPort: z.number(),
  caFile: z.string(),
  clientId: z.string(),
  clientPassword: z.string(),
  softwareStatementFile: z.string(),
});

/**
 * Writes the file for a broker that is ready. The client of the file before is kept while it is registered; without one a new client is
 * registered, for nobody knows the password of the old one.
 */
export async function writeConnectionFile(dataDir: string, endpoints: Endpoints, access: Desk, origin: Origin): Promise<ConnectionFile> {
  const before = await readConnectionFile(dataDir).catch(() => undefined);
  const connection = {
    ...endpoints,
    ...(before && (await access.isActive('api-client', before.clientId)) ? clientOf(before) : await newClient(access, origin)),
    softwareStatementFile: await softwareStatement(dataDir, access, origin),
  };
  await replaceFile(join(dataDir, CONNECTION_FILE), `${JSON.stringify(connection, null, 2)}\n`, PRIVATE_MODE);
  return connection;
}

/** Rejects where there is none that can be read. */
export async function readConnectionFile(dataDir: string): Promise<ConnectionFile> {
  return stored.parse(JSON.parse(await readFile(join(dataDir, CONNECTION_FILE), 'utf8')));
}

type Client = Pick<ConnectionFile, 'clientId' | 'clientPassword'>;

const clientOf = ({ clientId, clientPassword }: Client): Client => ({ clientId, clientPassword });

async function newClient(access: Desk, origin: Origin): Promise<Client> {
  const { id, secret } = await access.registerApiClient(CLIENT_NAME, origin);
  return { clientId: id, clientPassword: secret };
}

async function softwareStatement(dataDir: string, access: Desk, origin: Origin): Promise<string> {
  const file = join(dataDir, 'software-statement.txt');
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) await replaceFile(file, `${(await access.issueSoftwareStatement(origin)).secret}\n`, PRIVATE_MODE);
  return file;
}

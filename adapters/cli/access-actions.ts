/** What the access commands ask of the broker on this machine, and how they write its answers: with the original's lines. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Agent, request } from 'undici';
import type { z } from 'zod';
import { ClientFault, EXIT } from '../client/client-fault.ts';
import { readAddress } from '../local-channel.ts';
import {
  adminProblem,
  apiClientList,
  authServerList,
  credentialList,
  dnsMappingList,
  issuedCredential,
  OPERATOR_HEADER,
  statementList,
} from '../wire/admin.ts';
import { readDnsMappings } from './dns-mapping-file.ts';
import { dataFolderOf } from './flags.ts';
import { complain, print } from './output.ts';

export interface Desk {
  /** The JSON of an answer of success. Throws ClientFault. */
  ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown>;
}

export interface ReachFlags {
  readonly scope?: readonly string[];
  readonly owner?: string;
}

const TIMEOUT_MS = 30_000;

/** Resolves with the exit code; whatever went wrong has been said by then. */
export async function runAccess(flags: { readonly dataDir?: string }, act: (desk: Desk) => Promise<string>): Promise<number> {
  try {
    const dataDir = dataFolderOf(flags);
    if (!existsSync(dataDir)) throw new ClientFault(EXIT.configuration, `There is no data folder ${dataDir}; --data-dir says where it is.`);
    const socketPath = await readAddress(dataDir).catch((error: unknown) => Promise.reject(unreachable(dataDir, error)));
    const dispatcher = new Agent({ connect: { socketPath }, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
    try {
      print(await act({ ask: (method, path, body) => send(dispatcher, dataDir, { method, path, body }) }));
    } finally {
      await dispatcher.close();
    }
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof ClientFault)) throw error;
    complain(error.message);
    return error.exitCode;
  }
}

interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body: object | undefined;
}

async function send(dispatcher: Agent, dataDir: string, { method, path, body }: Asked): Promise<unknown> {
  const headers = { 'content-type': 'application/json', [OPERATOR_HEADER]: userInfo().username };
  const text = body === undefined ? null : JSON.stringify(body);
  const answer = await request(`http://broker${path}`, { method, headers, body: text, dispatcher }).catch((error: unknown) =>
    Promise.reject(unreachable(dataDir, error)),
  );
  const json: unknown = await answer.body.json();
  if (answer.statusCode === 200) return json;
  const { error, message } = adminProblem.parse(json);
  throw new ClientFault(EXIT.service, message ?? error);
}

function unreachable(dataDir: string, error: unknown): ClientFault {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new ClientFault(EXIT.failure, `Only the user who runs the broker on ${dataDir}, and root, may do this.`);
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new ClientFault(EXIT.failure, `No broker is running on ${dataDir}. Start it (berth broker), or give the right --data-dir.`);
  }
  return new ClientFault(EXIT.failure, `The broker on ${dataDir} cannot be reached: ${message}`, { cause: error });
}

/** Without scopes and owner it may do everything. */
async function registerApiClient(desk: Desk, name: string, { scope: scopes, owner }: ReachFlags): Promise<string> {
  const { id, secret } = issuedCredential.parse(await desk.ask('POST', '/api-clients', { name, scopes, owner }));
  return `client-id: ${id}\nclient-password: ${secret}`;
}

const describeApiClients = async (desk: Desk): Promise<string> =>
  listed('Api clients', apiClientList, await desk.ask('GET', '/api-clients'));
const describeAgentClients = async (desk: Desk): Promise<string> =>
  listed('Agent clients', credentialList, await desk.ask('GET', '/agent-clients'));

async function unregisterApiClient(desk: Desk, id: string): Promise<string> {
  await desk.ask('DELETE', `/api-clients/${encodeURIComponent(id)}`);
  return `Client ${id} unregistered.`;
}

async function unregisterAgentClient(desk: Desk, id: string): Promise<string> {
  await desk.ask('DELETE', `/agent-clients/${encodeURIComponent(id)}`);
  return `Agent client ${id} unregistered.`;
}

async function renewKeys(desk: Desk): Promise<string> {
  await desk.ask('POST', '/signing-keys');
  return 'Keys renewed.';
}

async function generateStatement(desk: Desk): Promise<string> {
  return `software-statement: ${issuedCredential.parse(await desk.ask('POST', '/software-statements')).secret}`;
}

/** The original shows the statements themselves; only their hashes are kept here, so they go by their ids. */
async function describeStatements(desk: Desk): Promise<string> {
  const statements = statementList.parse(await desk.ask('GET', '/software-statements')).map(({ id, issuedAt, active }) => ({
    'software-statement': id,
    'issued-at': dated(issuedAt),
    'is-active': String(active),
  }));
  return `Software statements\n${JSON.stringify(statements, null, 2)}`;
}

async function deactivateStatement(desk: Desk, statement: string): Promise<string> {
  await desk.ask('POST', '/software-statements/deactivate', { statement });
  return 'Software statement deactivated.';
}

async function registerDnsMappings(desk: Desk, file: string): Promise<string> {
  const mappings = await readDnsMappings(file);
  await desk.ask('PUT', '/dns-mappings', mappings);
  return `Successfully loaded ${mappings.length} server id - dns name mappings from file ${file}`;
}

const describeDnsMappings = async (desk: Desk): Promise<string> =>
  JSON.stringify(dnsMappingList.parse(await desk.ask('GET', '/dns-mappings')), null, 2);

async function registerAuthServer(desk: Desk, url: string, issuer?: string): Promise<string> {
  await desk.ask('POST', '/auth-servers', { url, issuer });
  return 'Jwk url registered.';
}

async function unregisterAuthServer(desk: Desk, url: string): Promise<string> {
  await desk.ask('POST', '/auth-servers/unregister', { url });
  return 'Jwk url unregistered.';
}

async function listAuthServers(desk: Desk): Promise<string> {
  const urls = authServerList.parse(await desk.ask('GET', '/auth-servers')).map(({ url }) => JSON.stringify(url));
  return urls.length === 0 ? 'Urls: []' : `Urls: [ ${urls.join(', ')} ]`;
}

const listed = (heading: string, schema: z.ZodType, answer: unknown): string =>
  `${heading}\n${JSON.stringify(schema.parse(answer), null, 2)}`;

/** `2020.08.05 15:38:32 +0000` */
const dated = (time: number): string => `${new Date(time).toISOString().slice(0, 19).replaceAll('-', '.').replace('T', ' ')} +0000`;

/** What each command does, by the name of its action. */
export const accessActions = {
  registerApiClient,
  describeApiClients,
  describeAgentClients,
  unregisterApiClient,
  unregisterAgentClient,
  renewKeys,
  generateStatement,
  describeStatements,
  deactivateStatement,
  registerDnsMappings,
  describeDnsMappings,
  registerAuthServer,
  unregisterAuthServer,
  listAuthServers,
};

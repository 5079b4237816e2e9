/** A client of the API over HTTPS: asks for its token itself, and reads every answer with the model of the wire, so that no other shape passes. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { ConnectionFile } from '../../adapters/connection-file.ts';
import { operations } from '../../adapters/http/operations.ts';
import type { historyResponse } from '../../adapters/wire/history.ts';
import type { updateSessionPermissionsResponse } from '../../adapters/wire/permissions.ts';
import type { closeServersResponse, describeServersResponse, openServersResponse, Server } from '../../adapters/wire/servers.ts';
import type {
  CreateSessionRequestData,
  createSessionsResponse,
  deleteSessionsResponse,
  describeSessionsResponse,
  Session,
} from '../../adapters/wire/sessions.ts';

/** Answered, but not with success. A broken connection rejects with what the HTTP client throws. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;

  constructor(path: string, status: number, body: string) {
    super(`${path} was answered with ${status}: ${body}`);
    this.status = status;
  }
}

export type HistoryEntry = NonNullable<z.infer<typeof historyResponse>['History']>[number];

export interface SessionSelection {
  readonly SessionIds?: readonly string[];
  readonly Filters?: readonly { readonly Key: string; readonly Value: string }[];
}

interface SessionKey {
  readonly SessionId: string;
  readonly Owner: string;
}

export interface ApiClient {
  createSessions(items: readonly CreateSessionRequestData[]): Promise<z.infer<typeof createSessionsResponse>>;
  deleteSessions(items: readonly (SessionKey & { readonly Force?: boolean })[]): Promise<z.infer<typeof deleteSessionsResponse>>;
  updateSessionPermissions(
    items: readonly (SessionKey & { readonly PermissionsFile: string })[],
  ): Promise<z.infer<typeof updateSessionPermissionsResponse>>;
  closeServers(items: readonly { readonly ServerId: string; readonly Force?: boolean }[]): Promise<z.infer<typeof closeServersResponse>>;
  openServers(items: readonly { readonly ServerId: string }[]): Promise<z.infer<typeof openServersResponse>>;
  /** All pages. */
  describeSessions(selection?: SessionSelection): Promise<readonly Session[]>;
  describeServers(): Promise<readonly Server[]>;
  sessionHistory(id: string): Promise<readonly HistoryEntry[]>;
  serverHistory(id: string): Promise<readonly HistoryEntry[]>;
  /** Any call, with the token; gives the JSON of a 200. */
  call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<unknown>;
  /** The newest position that it was told of, by Berth-Position; 0 before any. */
  position(): number;
  /** What it asks from now on is answered with everything up to this position in view. */
  see(position: number): void;
  /** After the broker was started anew, perhaps elsewhere. A token that was given out before stays in use. */
  moveTo(connection: ConnectionFile): Promise<void>;
  close(): Promise<void>;
}

type Credentials = Pick<ConnectionFile, 'url' | 'caFile' | 'clientId' | 'clientPassword'>;

/** Longer than a create call waits for a server. */
const TIMEOUT_MS = 20_000;
const tokenAnswer = z.object({ access_token: z.string() });

export async function createApiClient(first: Credentials): Promise<ApiClient> {
  let connection = first;
  let dispatcher = await dispatcherFor(first);
  let token: string | undefined;
  let told = 0;
  let seen = 0;

  async function send(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    headers: Record<string, string>,
    body: string | null,
  ): Promise<unknown> {
    const answer = await request(`${connection.url}${path}`, { method, headers, body, dispatcher });
    const text = await answer.body.text();
    told = Math.max(told, Number(answer.headers['berth-position'] ?? 0));
    if (answer.statusCode !== 200) throw new ApiError(path, answer.statusCode, text);
    return JSON.parse(text);
  }

  async function freshToken(): Promise<string> {
    const basic = Buffer.from(`${connection.clientId}:${connection.clientPassword}`).toString('base64');
    const headers = { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' };
    return tokenAnswer.parse(await send('POST', '/oauth2/token', headers, 'grant_type=client_credentials')).access_token;
  }

  const call: ApiClient['call'] = async (method, path, body) => {
    token ??= await freshToken();
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(seen > 0 && { 'berth-position': String(seen) }),
    };
    return send(method, path, headers, body === undefined ? null : JSON.stringify(body));
  };

  /** As the list of operations has it. */
  async function operate<T>(id: (typeof operations)[number]['id'], body?: unknown, path?: string): Promise<T> {
    const operation = operations.find((candidate) => candidate.id === id);
    if (operation === undefined) throw new Error(`There is no operation ${id}.`);
    return operation.response.parse(await call(operation.method, path ?? operation.path, body)) as T;
  }

  async function history(id: 'getSessionHistory' | 'getServerHistory', path: string): Promise<readonly HistoryEntry[]> {
    return allPages(async (next) => {
      const query = next === undefined ? '' : `?NextToken=${encodeURIComponent(next)}`;
      const page = await operate<z.infer<typeof historyResponse>>(id, undefined, `${path}/history${query}`);
      return { items: page.History, next: page.NextToken };
    });
  }

  return {
    call,
    createSessions: (items) => operate('createSessions', items),
    deleteSessions: (items) => operate('deleteSessions', items),
    updateSessionPermissions: (items) => operate('updateSessionPermissions', items),
    closeServers: (items) => operate('closeServers', items),
    openServers: (items) => operate('openServers', items),
    describeSessions: (selection = {}) =>
      allPages(async (NextToken) => {
        const page = await operate<z.infer<typeof describeSessionsResponse>>('describeSessions', { ...selection, NextToken });
        return { items: page.Sessions, next: page.NextToken };
      }),
    describeServers: () =>
      allPages(async (NextToken) => {
        const page = await operate<z.infer<typeof describeServersResponse>>('describeServers', { NextToken });
        return { items: page.Servers, next: page.NextToken };
      }),
    sessionHistory: (id) => history('getSessionHistory', `/sessions/${encodeURIComponent(id)}`),
    serverHistory: (id) => history('getServerHistory', `/servers/${encodeURIComponent(id)}`),
    position: () => told,
    see(position) {
      seen = Math.max(seen, position);
    },
    async moveTo(next) {
      await dispatcher.destroy();
      dispatcher = await dispatcherFor(next);
      connection = next;
    },
    close: () => dispatcher.destroy(),
  };
}

async function dispatcherFor({ caFile }: Credentials): Promise<Agent> {
  const timeouts = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS };
  return new Agent({ ...timeouts, connect: { ca: await readFile(caFile, 'utf8'), timeout: TIMEOUT_MS } });
}

interface Page<T> {
  readonly items: readonly T[] | null | undefined;
  readonly next: string | null | undefined;
}

async function allPages<T>(read: (next: string | undefined) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = [];
  for (let next: string | undefined, first = true; first || next !== undefined; first = false) {
    const page = await read(next);
    all.push(...(page.items ?? []));
    next = page.next ?? undefined;
  }
  return all;
}

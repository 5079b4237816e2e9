/**
 * The operations of the client API, each once: routes, document and generated clients follow from this list. Names, tags and paths are
 * what generated clients are made of, so they never change.
 */
import type { z } from 'zod';
import type { Scope } from '../../domain/access/reach.ts';
import { auditResponse } from '../wire/audit.ts';
import { historyResponse } from '../wire/history.ts';
import { updateSessionPermissionsRequestData, updateSessionPermissionsResponse } from '../wire/permissions.ts';
import { getSessionScreenshotRequestData, getSessionScreenshotsResponse } from '../wire/screenshots.ts';
import * as servers from '../wire/servers.ts';
import * as sessions from '../wire/sessions.ts';

export interface OperationDescription {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** `{name}` stands for a part of the path. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  /** Takes an Idempotency-Key. */
  readonly changes: boolean;
  /** Each of them is enough. */
  readonly scopes: readonly [Scope, ...Scope[]];
  /** Whether clients that know the sessions of one owner only may call it; they are answered as if there were no others. */
  readonly ofOwners: boolean;
  readonly parameters?: readonly ParameterDescription[];
  /** `batch`: an array of these. Only describe calls go without a body. */
  readonly body?: { readonly model: z.ZodType; readonly batch: boolean; readonly example: unknown };
  readonly response: z.ZodType;
  /** Status numbers and what they mean, besides 200. */
  readonly errors?: Readonly<Record<string, string>>;
}

interface ParameterDescription {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

const INVALID = { '400': 'The request is not as described; nothing was done.' };
const OF_CHANGES = {
  ...INVALID,
  '409': 'A request with this Idempotency-Key is being carried out; Retry-After says when to ask again.',
  '422': 'This Idempotency-Key was used for another request.',
};
const NO_SUCH = { ...INVALID, '404': 'There is no such session or server.' };

const SESSION_ID = '0f6d1c52-7f0a-4b5e-9f55-0d7f2d1f8a11';
const SERVER_ID = 'aXAtMTAtMC0wLTEy';

const paging: readonly ParameterDescription[] = [
  { name: 'MaxResults', in: 'query', type: 'integer', description: 'Entries a page may hold: 1 to 1000, which is also the default.' },
  { name: 'NextToken', in: 'query', type: 'string', description: 'Where to go on: the NextToken of the page before.' },
];

const query = (name: string, description: string, type: ParameterDescription['type'] = 'string') =>
  ({ name, in: 'query', type, description }) as const;

const filters: readonly ParameterDescription[] = [
  query('Actor', 'The id of a session, server or credential, or the name of a stream such as session-<id>; also refused attempts at it.'),
  query('Client', 'The id of the API client that caused it, or in whose name it was attempted.'),
  query('Owner', 'The owner of the session, or the one that a refused attempt named.'),
  query('Type', 'What happened: a type such as session.deleted, or the beginning of types with its dot, such as session.'),
  query('From', 'From then on: ISO 8601 with a zone, or a date, which begins in UTC.'),
  query('To', 'Before then.'),
  query('RequestId', 'The id of the request that it followed from.'),
  query('format', 'json for pages, which is the default; jsonl or csv for an export.'),
  query('follow', 'true: what happens from now on, or since From, without an end.', 'boolean'),
];

export const operations = [
  {
    id: 'describeSessions',
    method: 'POST',
    path: '/describeSessions',
    tag: 'sessions',
    changes: false,
    scopes: ['sessions:read'],
    ofOwners: true,
    summary: 'Describe sessions',
    description:
      'Sessions by id, owner, name, state, server or tags of their server, page by page. A session that does not change is on exactly one page, whatever comes and goes meanwhile. Ids that are not known are missing from the answer.',
    body: {
      model: sessions.describeSessionsRequestData,
      batch: false,
      example: { Filters: [{ Key: 'owner', Value: 'barbara' }], MaxResults: 100 },
    },
    response: sessions.describeSessionsResponse,
  },
  {
    id: 'describeServers',
    method: 'POST',
    path: '/describeServers',
    tag: 'servers',
    changes: false,
    scopes: ['sessions:read', 'servers:write'],
    ofOwners: false,
    summary: 'Describe servers',
    description: 'Servers with their hosts, tags and availability, page by page. Ids that are not known are missing from the answer.',
    body: { model: servers.describeServersRequestData, batch: false, example: { MaxResults: 100 } },
    response: servers.describeServersResponse,
  },
  {
    id: 'createSessions',
    method: 'POST',
    path: '/createSessions',
    tag: 'sessions',
    changes: true,
    scopes: ['sessions:write'],
    ofOwners: true,
    summary: 'Create sessions',
    description:
      'Each item is placed on a server that meets its requirements. One that cannot be placed or is at fault does not stop the others.',
    body: {
      model: sessions.createSessionRequestData,
      batch: true,
      example: [{ Name: 'drawing', Owner: 'barbara', Type: 'VIRTUAL', Requirements: "tag:color = 'pink'" }],
    },
    response: sessions.createSessionsResponse,
    errors: OF_CHANGES,
  },
  {
    id: 'deleteSessions',
    method: 'POST',
    path: '/deleteSessions',
    tag: 'sessions',
    changes: true,
    scopes: ['sessions:write'],
    ofOwners: true,
    summary: 'Delete sessions',
    description: 'Closes each session on its host. Deleted ones are described for a while yet.',
    body: { model: sessions.deleteSessionRequestData, batch: true, example: [{ SessionId: SESSION_ID, Owner: 'barbara', Force: false }] },
    response: sessions.deleteSessionsResponse,
    errors: OF_CHANGES,
  },
  {
    id: 'updateSessionPermissions',
    method: 'PUT',
    path: '/sessionPermissions',
    tag: 'sessionPermissions',
    changes: true,
    scopes: ['sessions:write'],
    ofOwners: true,
    summary: 'Update session permissions',
    description: 'Replaces the permissions file of each session while it runs; nobody is disconnected.',
    body: {
      model: updateSessionPermissionsRequestData,
      batch: true,
      example: [{ SessionId: SESSION_ID, Owner: 'barbara', PermissionsFile: 'W3Blcm1pc3Npb25zXQolb3duZXIlIGFsbG93IGJ1aWx0aW4K' }],
    },
    response: updateSessionPermissionsResponse,
    errors: OF_CHANGES,
  },
  {
    id: 'GetSessionConnectionData',
    method: 'GET',
    path: '/sessionConnectionData/{sessionId}/{user}',
    tag: 'GetSessionConnectionData',
    changes: false,
    scopes: ['sessions:write'],
    ofOwners: true,
    summary: 'Get what it takes to connect',
    description: 'A token for one user and one session that is READY, to be put into the address a DCV client opens.',
    parameters: [
      { name: 'sessionId', in: 'path', type: 'string', description: 'The id of the session.' },
      { name: 'user', in: 'path', type: 'string', description: 'The user who is to connect.' },
    ],
    response: sessions.getSessionConnectionDataResponse,
    errors: INVALID,
  },
  {
    id: 'getSessionScreenshots',
    method: 'POST',
    path: '/getSessionScreenshots',
    tag: 'sessions',
    changes: false,
    scopes: ['sessions:read'],
    ofOwners: true,
    summary: 'Get session screenshots',
    description: 'Asks the host of each session for a picture of it.',
    body: { model: getSessionScreenshotRequestData, batch: true, example: [{ SessionId: SESSION_ID, MaxWidth: 320 }] },
    response: getSessionScreenshotsResponse,
    errors: INVALID,
  },
  {
    id: 'openServers',
    method: 'POST',
    path: '/openServers',
    tag: 'servers',
    changes: true,
    scopes: ['servers:write'],
    ofOwners: false,
    summary: 'Open servers',
    description: 'New sessions may be placed on these servers again.',
    body: { model: servers.openServerRequestData, batch: true, example: [{ ServerId: SERVER_ID }] },
    response: servers.openServersResponse,
    errors: OF_CHANGES,
  },
  {
    id: 'closeServers',
    method: 'POST',
    path: '/closeServers',
    tag: 'servers',
    changes: true,
    scopes: ['servers:write'],
    ofOwners: false,
    summary: 'Close servers',
    description: 'No new session is placed on these servers. One with sessions on it is closed only with Force, and they live on.',
    body: { model: servers.closeServerRequestData, batch: true, example: [{ ServerId: SERVER_ID, Force: false }] },
    response: servers.closeServersResponse,
    errors: OF_CHANGES,
  },
  {
    id: 'getSessionHistory',
    method: 'GET',
    path: '/sessions/{sessionId}/history',
    tag: 'history',
    changes: false,
    scopes: ['sessions:read'],
    ofOwners: true,
    summary: 'Get the history of a session',
    description: 'Everything that happened to a session, oldest first: what, when, and who caused it by which request.',
    parameters: [{ name: 'sessionId', in: 'path', type: 'string', description: 'The id of the session.' }, ...paging],
    response: historyResponse,
    errors: NO_SUCH,
  },
  {
    id: 'getServerHistory',
    method: 'GET',
    path: '/servers/{serverId}/history',
    tag: 'history',
    changes: false,
    scopes: ['sessions:read', 'servers:write'],
    ofOwners: false,
    summary: 'Get the history of a server',
    description: 'Everything that happened to a server, oldest first: what, when, and who caused it by which request.',
    parameters: [{ name: 'serverId', in: 'path', type: 'string', description: 'The id of the server.' }, ...paging],
    response: historyResponse,
    errors: NO_SUCH,
  },
  {
    id: 'getAudit',
    method: 'GET',
    path: '/audit',
    tag: 'history',
    changes: false,
    scopes: ['audit:read'],
    ofOwners: false,
    summary: 'Get who did what',
    description:
      'Everything that happened, and every attempt that was refused, oldest first: what, to whom, when, and who caused it by which request. All filters that are given have to be met. Besides pages there are exports and feeds: with `format` jsonl or csv (or Accept: application/jsonl, text/csv) everything up to now is sent at once, and with `follow` what happens from now on, or since From, as it happens (as server-sent events with Accept: text/event-stream).',
    parameters: [...filters, ...paging],
    response: auditResponse,
    errors: INVALID,
  },
] as const satisfies readonly OperationDescription[];

export type OperationId = (typeof operations)[number]['id'];
export type ChangeId = Extract<(typeof operations)[number], { readonly changes: true }>['id'];

/** Every route of the broker's three doors with what belongs into a request for it, read from the applications themselves, so that a new route is attacked by itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';
import type { Test } from 'tap';
import { z } from 'zod';
import { createAgentApi } from '../../adapters/http/agent-api.ts';
import { createBrokerApi } from '../../adapters/http/broker-api.ts';
import { createGatewayApi } from '../../adapters/http/gateway-api.ts';
import { type OperationDescription, operations } from '../../adapters/http/operations.ts';
import { createVerifier } from '../../adapters/http/verifier.ts';
import { greetingSchema, registrationSchema, reportsSchema, screenshotsSchema } from '../../adapters/wire/agent.ts';
import { contestedSchema, pictureRequestSchema, telemetryBatchSchema } from '../../adapters/wire/brokers.ts';
import { createTestApi } from '../helpers/client-api.ts';

export type DoorName = 'client' | 'agent' | 'gateway';

export interface AttackedRoute {
  readonly door: DoorName;
  readonly method: string;
  /** `:name` stands for a part of the path. */
  readonly path: string;
  /** Undefined: it takes none, or nobody has said yet which. */
  readonly body: z.ZodType | undefined;
  readonly isForm: boolean;
  /** Names of what may stand in the query. */
  readonly query: readonly string[];
  /** Of the answers to what is wrong: an object with `error`, or the words of the original. */
  readonly errors: 'json' | 'verdict';
}

interface Known {
  readonly body?: z.ZodType;
  readonly query?: readonly string[];
  readonly errors?: 'verdict';
  readonly isForm?: true;
}

const grant = z.object({ grant_type: z.literal('client_credentials'), client_id: z.string(), client_secret: z.string() });

/** What the applications do not say of their routes. */
const KNOWN: Readonly<Record<string, Known>> = {
  'client /oauth2/token': { body: grant, isForm: true, query: ['grant_type'] },
  'agent /oauth2/token': { body: grant, isForm: true, query: ['grant_type'] },
  'agent /agent/register': { body: registrationSchema },
  'agent /agent/connect': { body: greetingSchema },
  'agent /agent/orders': { query: ['connectionId'] },
  'agent /agent/reports': { body: reportsSchema },
  'agent /agent/screenshots': { body: screenshotsSchema },
  'agent /agent/validate-authentication-token': {
    body: z.object({ sessionId: z.string(), authenticationToken: z.string(), clientAddress: z.string().optional() }),
    isForm: true,
    errors: 'verdict',
  },
  'agent /brokers/telemetry': { body: telemetryBatchSchema },
  'agent /brokers/screenshots': { body: pictureRequestSchema },
  'agent /brokers/contested': { body: contestedSchema },
  'gateway /resolveSession': {
    body: z.object({ sessionId: z.string(), transport: z.enum(['HTTP', 'QUIC']), clientIpAddress: z.ipv4().optional() }),
    query: ['sessionId', 'transport', 'clientIpAddress'],
  },
};

/** What the doors have besides the applications that are mounted there. */
const AT_THE_DOOR: readonly (readonly [DoorName, string, string])[] = [
  ['client', 'GET', '/metrics'],
  ['agent', 'POST', '/oauth2/token'],
  ['agent', 'GET', '/health'],
  ['agent', 'GET', '/ready'],
];

export async function routesOf(t: Test): Promise<readonly AttackedRoute[]> {
  // Only their routes are looked at, so nothing stands behind them.
  const nothing = {} as never;
  const clients = (await createTestApi(t)).app;
  const agents = [createAgentApi(nothing) as unknown as Hono, createVerifier(nothing), createBrokerApi(nothing)];
  return [
    ...routesIn('client', clients),
    ...agents.flatMap((app) => routesIn('agent', app)),
    ...routesIn('gateway', createGatewayApi(nothing)),
    ...AT_THE_DOOR.map(([door, method, path]) => route(door, method, path)),
  ];
}

/** What stands before all routes is none. */
const routesIn = (door: DoorName, app: Hono): readonly AttackedRoute[] =>
  app.routes.filter(({ method, path }) => method !== 'ALL' && !path.includes('*')).map(({ method, path }) => route(door, method, path));

function route(door: DoorName, method: string, path: string): AttackedRoute {
  const { body, query = [], errors = 'json', isForm = false } = KNOWN[`${door} ${path}`] ?? (door === 'client' ? ofOperation(path) : {});
  return { door, method, path, body, query, errors, isForm };
}

function ofOperation(path: string): Known {
  const described: OperationDescription | undefined = operations.find(
    (operation) => operation.path.replaceAll(/\{(\w+)\}/g, ':$1') === path,
  );
  if (described === undefined) return {};
  const { body, parameters = [] } = described;
  return {
    ...(body && { body: body.batch ? z.array(body.model).max(3) : body.model }),
    query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
  };
}

/** Paths that the sources give to an application, as far as they are written out there; those of administration are on a socket of its own. */
export function pathsInSources(): readonly string[] {
  const folder = fileURLToPath(new URL('../../adapters/', import.meta.url));
  const files = ['doors.js', ...readdirSync(join(folder, 'http')).map((name) => join('http', name))].filter(
    (name) => name.endsWith('.js') && !name.endsWith('admin-api.js'),
  );
  const registered = /\bapp\.(?:get|post|put|patch|delete)\('(\/[^']*)'/g;
  return files.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(registered)].map(([, path = '']) => path));
}

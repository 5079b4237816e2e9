/**
 * The session resolver: where a connection gateway asks which server a session is on. The door for gateways answers this and nothing else; whoever reaches
 * it may ask, unless it asks for certificates. Only names of servers and ports are told.
 */
import { isIP } from 'node:net';
import { Hono } from 'hono';
import type { Random } from '../../domain/ports/clock.ts';
import type { DnsMappings } from '../../domain/ports/dns-mappings.ts';
import type { ServerView } from '../../projections/views.ts';
import type { Application } from '../application.ts';
import type { Logger } from '../logging.ts';
import { parseJson, readText } from './body.ts';
import { answerThrown } from './fault.ts';
import { MAX_LENGTH } from './limits.ts';
import { answerReady, type NotReady } from './ready.ts';
import { badRequest, HttpProblem, refuse, reply } from './reply.ts';
import { notesOf } from './request-notes.ts';

export interface GatewayApiDeps {
  readonly application: Pick<Application, 'describeSessions'>;
  readonly mappings: DnsMappings;
  readonly isHealthy: () => boolean;
  readonly notReady: () => readonly NotReady[];
  readonly random: Random;
  readonly log: Pick<Logger, 'error'>;
}

const TRANSPORTS = ['HTTP', 'QUIC'] as const;
type Transport = (typeof TRANSPORTS)[number];

interface Question {
  readonly sessionId: string;
  readonly transport: Transport;
}

/** Three short texts. */
const MAX_BODY_BYTES = 16_384;

export function createGatewayApi(deps: GatewayApiDeps): Hono {
  const { isHealthy, notReady, random, log } = deps;
  const app = new Hono();
  app.post('/resolveSession', async ({ req }) => reply(200, await resolve(deps, await readQuestion(req.raw))));
  app.all('/resolveSession', () => refuse(405, 'This path takes POST only', { allow: 'POST' }));
  app.get('/health', () => (isHealthy() ? reply(200, { status: 'ok' }) : reply(503, { status: 'unavailable' })));
  app.get('/ready', () => answerReady(notReady()));
  app.notFound(nothingHere);
  app.onError((error, { req }) => answerThrown(error, notesOf(req.raw, random).requestId, log));
  return app;
}

/** Also for whoever mounts this: what is not found is answered by the application that all are mounted in. */
export const nothingHere = (): Response => refuse(404, 'There is nothing here but /resolveSession, /health and /ready');

async function resolve({ application, mappings }: GatewayApiDeps, { sessionId, transport }: Question): Promise<object> {
  const [session] = (await application.describeSessions({ ids: [sessionId], limit: 1 })).items;
  if (session?.server === undefined || session.state !== 'READY')
    throw new HttpProblem(404, 'There is no such session, or it is not ready');
  const endpoint = endpointOf(session.server, transport);
  if (endpoint === undefined) throw new HttpProblem(404, `The server of this session has no endpoint for ${transport}`);
  return {
    SessionId: session.id,
    TransportProtocol: transport,
    DcvServerEndpoint: nameOf(session.server, mappings),
    Port: endpoint.port,
    WebUrlPath: endpoint.webUrlPath ?? session.server.description.webUrlPath ?? '/',
  };
}

/** Agents that do not list endpoints have one, for HTTP. */
function endpointOf(
  { description }: ServerView,
  transport: Transport,
): { readonly port: number; readonly webUrlPath?: string | undefined } | undefined {
  const { endpoints, port } = description;
  return (
    endpoints.find(({ protocol }) => protocol === transport) ?? (endpoints.length === 0 && transport === 'HTTP' ? { port } : undefined)
  );
}

/** Gateways want a DNS name: the operator's, else the server's own, else what its host calls itself. */
function nameOf({ id, description }: ServerView, mappings: DnsMappings): string {
  const { ip, aws, defaultDnsName, hostname } = description;
  return mappings.internalName({ id, ip, ec2InstanceId: aws?.instanceId }) ?? (defaultDnsName || hostname);
}

/** The query string counts, and the body where that says nothing: gateways send the one, other programs the other. */
async function readQuestion(request: Request): Promise<Question> {
  const query = new URL(request.url).searchParams;
  const body = bodyFields(parseJson(await readText(request, MAX_BODY_BYTES)));
  const field = (name: string): unknown => {
    const names = [name, `${name[0]?.toUpperCase()}${name.slice(1)}`];
    return (
      names.map((each) => query.get(each)).find((value) => value !== null) ??
      names.map((each) => body.get(each)).find((value) => value != null)
    );
  };
  const sessionId = field('sessionId');
  if (!isText(sessionId) || sessionId.length > MAX_LENGTH.sessionId) throw badRequest(`sessionId must be the id of a session`);
  const wanted = field('transport');
  const transport = TRANSPORTS.find((each) => isText(wanted) && each === wanted.toUpperCase());
  if (transport === undefined) throw badRequest('transport must be HTTP or QUIC');
  const clientIpAddress = field('clientIpAddress') ?? '';
  if (clientIpAddress !== '' && (!isText(clientIpAddress) || isIP(clientIpAddress) === 0))
    throw badRequest('clientIpAddress must be an IP address');
  return { sessionId, transport };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function bodyFields(body: unknown): ReadonlyMap<string, unknown> {
  if (body === undefined) return new Map();
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return new Map(Object.entries(body));
  throw badRequest('The request body must be a JSON object');
}

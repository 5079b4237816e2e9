/** The HTTP side of the agent link: registration, greetings, the order stream, reports and screenshots. Mounted on the agent port. */
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type { ClientId, ServerId } from '../../domain/ids.ts';
import type { Reception } from '../../domain/ports/reception.ts';
import { BODY_LIMITS, greetingSchema, registrationSchema, reportsSchema, screenshotsSchema } from '../wire/agent.ts';
import type { AgentConnections } from './agent-connections.ts';
import { answerProblem, bearerToken, note, parsed, problem, unauthorized } from './problem.ts';
import { subjectOf } from './refusals.ts';

/** A client that was enrolled: its secret is shown once. */
export interface Enrolled {
  readonly clientId: ClientId;
  readonly clientSecret: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
}

export interface AgentApiDeps {
  readonly reception: Reception;
  readonly connections: AgentConnections;
  /** Undefined when the software statement is unknown or no longer active. */
  enrol(clientName: string, softwareStatement: string): Promise<Enrolled | undefined>;
  /** The client behind an access token for agents, if it is still one. */
  verifyAgentToken(token: string): Promise<ClientId | undefined>;
  /** Where agents need not authenticate: who one without a token, or with one that is no good, is taken for. */
  readonly anonymousClient?: ClientId | undefined;
  /** Whether another agent is connected as this server, here or to another broker. */
  contested(serverId: ServerId, run: string | undefined): Promise<boolean>;
  /** Told of what was thrown while a request was served. */
  failed(error: unknown, request: Request): void;
}

interface AgentEnv {
  Bindings: HttpBindings;
  Variables: { clientId: ClientId };
}

type AgentContext = Context<AgentEnv>;

export function createAgentApi(deps: AgentApiDeps): Hono<AgentEnv> {
  const app = new Hono<AgentEnv>();
  const known = authenticated(deps);
  app.post('/agent/register', (c) => register(c, deps));
  app.post('/agent/connect', known, (c) => connect(c, deps));
  app.get('/agent/orders', known, (c) => orders(c, deps));
  app.post('/agent/reports', known, (c) => reports(c, deps));
  app.post('/agent/screenshots', known, (c) => screenshots(c, deps));
  app.onError((error, c) => answerProblem(c, error, deps.failed));
  return app;
}

async function register(c: AgentContext, deps: AgentApiDeps): Promise<Response> {
  const body = await parsed(c, registrationSchema, BODY_LIMITS.registration);
  if ('invalid' in body) return problem(c, 400, 'invalid_client_metadata', body.invalid);
  const { client_name, software_statement } = body.value;
  const enrolled = await deps.enrol(client_name, software_statement);
  if (enrolled === undefined) return problem(c, 400, 'invalid_software_statement', 'The software statement is unknown or not active');
  c.header('Cache-Control', 'no-store');
  return c.json(
    {
      client_id: enrolled.clientId,
      client_secret: enrolled.clientSecret,
      client_id_issued_at: Math.floor(enrolled.issuedAt / 1000),
      client_secret_expires_at: 0,
      client_name,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
    201,
  );
}

/** The one that is there stays: it may be at work, and two that took each other's place would go on with that for ever. */
const IN_USE =
  'Another agent is connected as this server. If the disk of this host is a copy of its, stop the agent here and delete server-id and credentials.json in its state folder';

async function connect(c: AgentContext, { reception, connections, contested }: AgentApiDeps): Promise<Response> {
  const body = await parsed(c, greetingSchema, BODY_LIMITS.greeting);
  if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
  const clientId = c.get('clientId');
  const { serverId, run } = body.value;
  if (await contested(serverId, run)) {
    note(c, { target: subjectOf('server', serverId) });
    return problem(c, 409, 'server_id_in_use', IN_USE);
  }
  const arrival = connections.arriving(serverId, clientId, run);
  const outcome = await reception.greeted(body.value, clientId).catch((error) => {
    arrival.turnedAway();
    throw error;
  });
  if ('rejected' in outcome) {
    arrival.turnedAway();
    note(c, { target: subjectOf('server', serverId) });
    return problem(c, 403, 'rejected', outcome.rejected);
  }
  const welcome = arrival.welcomed();
  return welcome === undefined ? problem(c, 503, 'busy', 'This broker holds as many agents as it may') : c.json(welcome);
}

/** Written to Node's response directly: an open stream costs its socket and nothing else. */
function orders(c: AgentContext, { connections }: AgentApiDeps): Response {
  const connectionId = c.req.query('connectionId') ?? '';
  const { outgoing } = c.env;
  const isOpen = connections.attach(connectionId, c.get('clientId'), () => {
    outgoing.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    outgoing.write(': beat\n\n');
    return outgoing;
  });
  return isOpen ? RESPONSE_ALREADY_SENT : problem(c, 409, 'reconnect');
}

async function reports(c: AgentContext, { reception, connections }: AgentApiDeps): Promise<Response> {
  const body = await parsed(c, reportsSchema, BODY_LIMITS.reports);
  if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
  const { connectionId, reports: told, telemetry } = body.value;
  const serverId = connections.heard(connectionId, c.get('clientId'));
  if (serverId === undefined) return problem(c, 409, 'reconnect');
  if (telemetry !== undefined) reception.telemetry(serverId, telemetry);
  const acknowledged = told.length === 0 ? [] : await reception.reported(serverId, told);
  return c.json({ acknowledged });
}

async function screenshots(c: AgentContext, { connections }: AgentApiDeps): Promise<Response> {
  const body = await parsed(c, screenshotsSchema, BODY_LIMITS.screenshots);
  if ('invalid' in body) return problem(c, 400, 'invalid_request', body.invalid);
  const serverId = connections.heard(body.value.connectionId, c.get('clientId'));
  if (serverId === undefined) return problem(c, 409, 'reconnect');
  connections.pictures(serverId, body.value.orderId, body.value);
  return c.json({});
}

function authenticated(deps: AgentApiDeps): MiddlewareHandler<AgentEnv> {
  return async (c, next) => {
    const token = bearerToken(c);
    const clientId = (token !== undefined ? await deps.verifyAgentToken(token) : undefined) ?? deps.anonymousClient;
    if (clientId === undefined) return unauthorized(c);
    c.set('clientId', clientId);
    return next();
  };
}

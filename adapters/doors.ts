/** The doors of a broker, each a port with what it answers: clients of the API, agents with other brokers, and connection gateways. */
import { Hono } from 'hono';
import { ANONYMOUS_AGENT, clientId } from '../domain/ids.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import type { Access } from './access.ts';
import { createAdmission } from './admission.ts';
import type { AttemptKeeper } from './audit/attempts.ts';
import type { Audit } from './audit/audit.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { BrokerConfig, Door } from './config.ts';
import type { Core } from './core.ts';
import { createExternalTokens } from './external/tokens.ts';
import { createAgentApi } from './http/agent-api.ts';
import type { AgentConnections } from './http/agent-connections.ts';
import { createBearerCheck, withoutNeed } from './http/bearer.ts';
import { createClientApi } from './http/client-api.ts';
import { createGatewayApi, nothingHere } from './http/gateway-api.ts';
import { createTokenEndpoint } from './http/oauth.ts';
import { type OperationId, operations } from './http/operations.ts';
import { answerProblem, answerUnknown, recordRefusals } from './http/problem.ts';
import { createLimitCounters, createProtection, type LimitCounters, type Protection } from './http/protection.ts';
import { answerReady, type NotReady } from './http/ready.ts';
import { addressOf } from './http/refusals.ts';
import { requestIdOf } from './http/request-notes.ts';
import { AGENT_OPERATIONS, CLIENT_OPERATIONS, createRequestWatch, GATEWAY_OPERATIONS, type RequestWatch } from './http/request-watch.ts';
import { type ServeOptions, type Serving, serveHttps } from './http/serve.ts';
import { createVerifier } from './http/verifier.ts';
import type { Logger } from './logging.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Past } from './replay/past.ts';
import { localName } from './server-names.ts';
import type { DoorKeys, ServerKeys } from './tls/doors.ts';
import type { Kept } from './tls/kept.ts';
import type { Tokens } from './tokens.ts';
import { createRequestSpans } from './tracing/request-spans.ts';
import type { Tracing } from './tracing/trace.ts';

export interface BrokerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface OpenDoors {
  readonly clientPort: number;
  readonly agentPort: number;
  /** By which programs on this machine reach it, and find it in its certificate. */
  readonly clientHost: string;
  readonly agentHost: string;
  /** Absent where gateways cannot ask. */
  readonly gatewayPort: number | undefined;
  /** How often which limit was reached, of all doors. */
  readonly limits: Pick<LimitCounters, 'counts'>;
}

/** What they are made of. */
export interface DoorParts {
  readonly config: BrokerConfig;
  readonly ports: BrokerPorts;
  /** False while it cannot know what other brokers write. */
  readonly isHealthy: () => boolean;
  readonly notReady: () => readonly NotReady[];
  readonly metrics: Metrics;
  /** Undefined: requests are not traced. */
  readonly tracing: Tracing | undefined;
  readonly scrapeOf: (limits: LimitCounters) => () => Promise<string>;
  readonly core: Core;
  readonly audit: Audit;
  readonly past: Past;
  readonly attempts: AttemptKeeper;
  readonly stopping: AbortSignal;
  readonly access: Access;
  readonly tokens: Tokens;
  readonly connections: AgentConnections;
  readonly cluster: Cluster;
  readonly keys: DoorKeys;
}

/** With what stands before all of them. */
interface Doors extends DoorParts {
  readonly counters: LimitCounters;
  readonly protection: Protection;
  readonly watch: RequestWatch;
}

/** `close` gets what closes a door, as soon as that is open. */
export async function openDoors(
  parts: DoorParts,
  nextTokenKey: Buffer,
  onStop: (close: () => Promise<unknown>) => void,
): Promise<OpenDoors> {
  const { config, ports, connections, keys } = parts;
  const counters = createLimitCounters();
  const { maxRequestsPerSecond: requestsPerSecond, trustsForwardedFor } = config;
  const protection = createProtection({ requestsPerSecond, trustsForwardedFor, now: ports.clock.now, counters });
  const traced = parts.tracing && createRequestSpans(parts.tracing, ports.clock.now, LEADING);
  const watch = createRequestWatch({ ...ports, trustsForwardedFor, answered: parts.metrics.answered, traced });
  const doors: Doors = { ...parts, counters, protection, watch };
  const agents = await serveAgents(doors);
  onStop(async () => {
    const closed = agents.close();
    connections.close();
    await closed;
  });
  const clients = await serveClients(doors, nextTokenKey);
  // Both at once, and before agents are hung up on: pictures that are under way come from those.
  const callers = [clients];
  onStop(() => Promise.all(callers.map((door) => door.close())));
  const gateways = config.gateways && (await serveDoor(gatewayApp(doors), config.gateways, keys.gateways ?? keys.clients, doors));
  if (gateways !== undefined) callers.push(gateways);
  return {
    clientPort: clients.port,
    clientHost: localName(config.clients.host, keys.clients.current().cert),
    agentPort: agents.port,
    agentHost: localName(config.agents.host, keys.agents.current().cert),
    gatewayPort: gateways?.port,
    limits: counters,
  };
}

function serveAgents({
  config,
  ports,
  isHealthy,
  notReady,
  attempts,
  access,
  tokens,
  connections,
  cluster,
  keys,
  ...doors
}: Doors): Promise<Serving> {
  const { clock, random, logger } = ports;
  const now = clock.now;
  const app = new Hono();
  app.use(doors.watch({ operations: AGENT_OPERATIONS, changes: AGENT_CHANGES, isTraced: false }));
  const failed = (err: unknown, request: Request) =>
    logger.error({ err, requestId: requestIdOf(request) }, 'A request of an agent failed.');
  app.onError((error, context) => answerProblem(context, error, failed));
  app.notFound(answerUnknown);
  const guard = doors.protection.guessing(AGENT_GUESSES);
  const issueToken = createTokenEndpoint({
    authenticate: access.authenticateAgent,
    tokens,
    audience: 'agent',
    now,
    attempts,
    random,
    guard,
  });
  app.post('/oauth2/token', (context) => issueToken(context.req.raw, addressOf(context)));
  for (const path of ['/agent/*', '/brokers/*']) app.use(path, recordRefusals({ attempts, random }));
  app.get('/health', (context) => (isHealthy() ? context.json({ status: 'ok' }) : context.json({ status: 'unavailable' }, 503)));
  app.get('/ready', () => answerReady(notReady()));
  const agentApi = createAgentApi({
    reception: cluster.reception(),
    connections,
    enrol: access.enrolAgent,
    async verifyAgentToken(token) {
      const verdict = await tokens.verifyAccessToken(token, 'agent', now());
      if ('refused' in verdict || !(await access.isActive('agent-client', verdict.valid.clientId))) return undefined;
      return clientId(verdict.valid.clientId);
    },
    anonymousClient: config.agentAuthorization ? undefined : ANONYMOUS_AGENT,
    contested: cluster.contested,
    failed,
  });
  app.route('/', createVerifier({ admit: createAdmission({ ...doors.core, tokens, now }), attempts, random, failed }));
  app.route('/', agentApi);
  app.route('/', cluster.api());
  return serveDoor(app, config.agents, keys.agents, { ...doors, limits: AGENT_DOOR });
}

/** What an agent has not been told is received it says again, so the end need not wait for it as long as for clients. */
const AGENT_DOOR = { closeTimeoutMs: 2000 };

function serveClients(doors: Doors, nextTokenKey: Buffer): Promise<Serving> {
  const { config, ports, isHealthy, notReady, core, past, audit, attempts, stopping, access, tokens, keys, protection } = doors;
  const { clock, random, logger } = ports;
  const now = clock.now;
  const external = createExternalTokens({
    trusted: core.trusted,
    demands: { audience: config.requiredAudience, scopes: config.requiredScopes, scopesCount: config.externalScopes === 'enforced' },
    now,
    failed: (url, err) => logger.warn({ url, err }, 'The keys of an authorization server cannot be had.'),
  });
  const own = config.authorizationServer ? tokens : undefined;
  const checkBearer = createBearerCheck({ tokens: own, external, reachOf: access.reachOf, now });
  const guard = protection.guessing(API_GUESSES);
  const issueToken = createTokenEndpoint({
    authenticate: access.authenticateApiClient,
    reachOf: access.reachOf,
    tokens,
    audience: 'api',
    now,
    attempts,
    random,
    guard,
  });
  const scrape = config.metrics === 'off' ? undefined : doors.scrapeOf(doors.counters);
  const app = createClientApi({
    watch: doors.watch({ operations: CLIENT_OPERATIONS, changes: CLIENT_CHANGES, isTraced: true }),
    metrics: scrape && { scrape, isOpen: config.metrics === 'open', authorize: checkBearer },
    application: core.application,
    past,
    once: core.once,
    attempts,
    audit,
    stopping,
    authorize: config.apiAuthorization ? checkBearer : withoutNeed(checkBearer),
    issueToken: config.authorizationServer ? issueToken : undefined,
    servesYaml: config.servesApiYaml,
    protection,
    nextTokenKey,
    isHealthy,
    notReady,
    random,
    log: logger,
    limits: { autorunArguments: config.autorunArgumentsMax, autorunArgumentLength: config.autorunArgumentMaxLength },
  });
  return serveDoor(app, config.clients, keys.clients, doors);
}

function gatewayApp({ ports, isHealthy, notReady, core, protection, watch }: Doors): Hono {
  const app = new Hono();
  app.use(watch({ operations: GATEWAY_OPERATIONS, changes: new Set(), isTraced: true }));
  app.use(protection.perAddress);
  app.notFound(nothingHere);
  const { random, logger: log } = ports;
  app.route('/', createGatewayApi({ application: core.application, mappings: core.dnsNames, isHealthy, notReady, random, log }));
  return app;
}

/** What is worth a line of the log when it has gone well, too. */
const AGENT_CHANGES: ReadonlySet<string> = new Set(['agent-register', 'agent-connect']);
const CLIENT_CHANGES: ReadonlySet<string> = new Set(operations.filter(({ changes }) => changes).map(({ id }) => id));
/** What leads to orders, among other things. */
const LEADING: ReadonlySet<string> = new Set([...CLIENT_CHANGES, 'getSessionScreenshots' satisfies OperationId]);

/** Secrets of agents are beyond guessing, and many agents may have one address and come back to a broker that has lost its log. */
const AGENT_GUESSES = { ofAddress: 600, ofClient: 60 };
const API_GUESSES = { ofAddress: 30, ofClient: 60 };

/** Certificates are exchanged while it is open. */
async function serveDoor(
  app: Hono,
  { host, port }: Door,
  keys: Kept<ServerKeys>,
  { counters, limits }: Pick<Doors, 'counters'> & Pick<ServeOptions, 'limits'>,
): Promise<Serving> {
  const serving = await serveHttps(app, { host, port, counters, ...(limits && { limits }), ...keys.current() });
  keys.follow(serving.renew);
  return serving;
}

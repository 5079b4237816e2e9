/**
 * The broker's composition root: claims the data folder, opens the log and the read models, starts the core, and opens the two doors (clients,
 * agents).
 */
import { EventEmitter, once } from 'node:events';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { ANONYMOUS_AGENT, clientId } from '../domain/ids.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import { createAccessQueries } from '../projections/access-queries.ts';
import type { ReadDatabase } from '../projections/database.ts';
import { type Access, createAccess } from './access.ts';
import { type AdministrationPorts, createAdministration } from './administration.ts';
import { createAdmission } from './admission.ts';
import { type AttemptKeeper, createAttempts } from './audit/attempts.ts';
import { type Audit, openAudit } from './audit/audit.ts';
import { ensureBrokerId } from './broker-id.ts';
import { type Cluster, createCluster } from './cluster/cluster.ts';
import type { BrokerConfig, Door } from './config.ts';
import { type Core, type CoreLimits, startCore } from './core.ts';
import { domainVersion } from './domain-version.ts';
import { chained } from './evidence/chained.ts';
import { EVIDENCE_FILE, publishedIn } from './evidence/published.ts';
import { createSealing } from './evidence/sealing.ts';
import { checkpointKey } from './evidence/signatures.ts';
import { createAdminApi } from './http/admin-api.ts';
import { createAgentApi } from './http/agent-api.ts';
import { type AgentConnections, createAgentConnections } from './http/agent-connections.ts';
import { createBearerCheck, withoutNeed } from './http/bearer.ts';
import { createClientApi } from './http/client-api.ts';
import { createTokenEndpoint } from './http/oauth.ts';
import { answerProblem, recordRefusals } from './http/problem.ts';
import { addressOf } from './http/refusals.ts';
import { type Serving, serveHttps } from './http/serve.ts';
import { type LocalServing, serveLocally } from './http/serve-local.ts';
import { createVerifier } from './http/verifier.ts';
import { liftedLog } from './lifted-log.ts';
import type { Logger } from './logging.ts';
import { openLog } from './open-log.ts';
import { createPasswords } from './passwords.ts';
import { openDesk, openReadModels } from './replay/desk.ts';
import { foldInChild, foldSource } from './replay/fold-child.ts';
import { createPast, PAST_LIMITS, type Past, type PastPorts } from './replay/past.ts';
import { openSecrets, type Secrets } from './secrets/secrets.ts';
import { advertisedHost, brokerUrl, localName, serverNames } from './server-names.ts';
import { claimDataFolder } from './sqlite/data-folder.ts';
import { openSnapshots } from './sqlite/snapshots.ts';
import { type DoorKeys, openDoorKeys, type ServerKeys } from './tls/doors.ts';
import type { Kept } from './tls/kept.ts';
import { createTokens, type Entry, type Tokens } from './tokens.ts';

export interface BrokerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningBroker {
  readonly clientPort: number;
  readonly agentPort: number;
  /** By which programs on this machine reach it, and find it in its certificate. */
  readonly clientHost: string;
  readonly agentHost: string;
  /** The path of the certificates that those trust. */
  readonly caFile: string;
  /** For giving out credentials on this machine. */
  readonly access: Access;
  /** Never resolves; rejects when the broker cannot go on, and whoever started it ought to end the process. */
  readonly lost: Promise<never>;
  /** Ends in order: no acknowledged work is lost, requests under way are answered. */
  stop(): Promise<void>;
}

/** Throws with one sentence for the operator when it cannot start. Whatever was opened by then is closed again. */
export async function startBroker(config: BrokerConfig, ports: BrokerPorts): Promise<RunningBroker> {
  const closers: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  // Waiting for an event rejects when its emitter emits `error`.
  const failure = new EventEmitter();
  const lost = once(failure, 'never') as Promise<unknown> as Promise<never>;
  lost.catch(() => undefined);
  try {
    return { ...(await open(config, ports, failure.emit.bind(failure, 'error'), (close) => closers.push(close))), lost, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Opened = Omit<RunningBroker, 'lost' | 'stop'>;
type Fatal = (error: Error) => unknown;
type OnStop = (close: () => Promise<unknown>) => void;

async function open(config: BrokerConfig, ports: BrokerPorts, fatal: Fatal, onStop: OnStop): Promise<Opened> {
  const { clock, random, logger } = ports;
  const folder = await claimDataFolder(config.dataDir);
  onStop(folder.release);
  const opened = await openLog(config, folder.path, logger);
  const { locks } = opened;
  const chain = chained(opened.log);
  onStop(chain.close);
  const log = liftedLog(chain);
  const secrets = await openSecrets({ log, clock, random, logger, fatal }, { ...config, dataDir: folder.path });
  onStop(secrets.close);
  const sealing = createSealing(
    { ...ports, log: chain, locks, ...vouching(folder.path, secrets.checkpointSeed) },
    { intervalMs: config.checkpointIntervalMs },
  );
  onStop(sealing.stop);
  const tokens = createTokens(secrets.signingKeys);
  const machine = { hostname: hostname(), interfaces: networkInterfaces() };
  const advertised = advertisedHost({ ...config, host: config.agents.host }, machine);
  const hosts = [config.clients.host, advertised, ...(config.gateways ? [config.gateways.host] : []), ...config.certificateNames];
  const issuing = { folder: join(folder.path, 'tls'), authority: secrets.authority, names: serverNames(hosts, machine) };
  const keys = await openDoorKeys({ ...ports, ...issuing }, config);
  onStop(async () => keys.stop());
  const readModels = opened.derived('read-models');
  const database = await openReadModels(readModels, logger);
  onStop(database.close);
  const snapshots = await openSnapshots(opened.derived('snapshots'), { version: domainVersion(), logger });
  onStop(snapshots.close);
  const connections = createAgentConnections({ clock, random });
  const issueConnectionToken = (entry: Entry) =>
    tokens.issueConnectionToken({ ...entry, lifetimeMinutes: config.connectionTokenLifetimeMs / 60_000 }, clock.now());
  const self = await ensureBrokerId(folder.path, random);
  const ca = [...secrets.authority.trusted, ...keys.agentAnchors];
  const cluster = createCluster({ self, connections, tokens, ca, clock, logger, core: () => core });
  onStop(cluster.close);
  const core: Core = await startCore(
    { ...ports, log, locks, self, database, snapshots, link: cluster.link, fatal, issueConnectionToken },
    limitsOf(config),
  );
  onStop(core.stop);
  onStop((await openDesk({ log, database, standStill: core.standStill, logger }, readModels)).stop);
  connections.start(core.reception);
  const past = await openPast(config, { ...ports, log }, folder.path);
  onStop(past.stop);

  const audit = await openAudit({ log, clock, logger }, join(folder.path, 'audit-index.sqlite'));
  onStop(audit.close);
  const attempts = createAttempts({ log, self, clock, random, logger });
  onStop(attempts.stop);
  const access = createAccess({ log, clock, random, registry: core.registry, passwords: createPasswords() });
  const stopping = new AbortController();
  const records = { audit, attempts, stopping: stopping.signal };
  const doors = { config, ports, isHealthy: opened.stands, core, past, ...records, access, tokens, connections, cluster, keys };
  const agents = await serveAgents(doors);
  onStop(async () => {
    const closed = agents.close();
    connections.close();
    await closed;
  });
  const clients = await serveClients(doors, secrets.pageKey);
  onStop(() => {
    stopping.abort();
    return clients.close();
  });
  await core.join({ host: machine.hostname, url: brokerUrl(advertised, agents.port) });
  sealing.start();
  onStop((await serveAdministrators({ access, secrets, log, database, core }, ports, folder.path)).close);
  return {
    clientPort: clients.port,
    clientHost: localName(config.clients.host, keys.clients.current().cert),
    agentPort: agents.port,
    agentHost: localName(config.agents.host, keys.agents.current().cert),
    caFile: keys.caFile,
    access,
  };
}

/** What can be asked about the past, out of the way of everything else. */
function openPast(config: BrokerConfig, ports: Omit<PastPorts, 'folder' | 'fold'>, dataDir: string): Promise<Past> {
  const fold = foldInChild(foldSource(config, dataDir));
  return createPast(
    { ...ports, folder: join(dataDir, 'replay'), fold },
    { ...PAST_LIMITS, deletedVisibleMs: config.deletedSessionVisibleMs },
  );
}

/** With what checkpoints are signed, and where they can be checked. */
const vouching = (dataDir: string, seed: Buffer) => ({ key: checkpointKey(seed), published: publishedIn(join(dataDir, EVIDENCE_FILE)) });

function limitsOf(config: BrokerConfig): CoreLimits {
  return {
    queueSize: config.queueMaxSize,
    queueMs: config.queueMaxTimeMs,
    policy: config.placementPolicy,
    maxAttempts: config.createRetries + 1,
    creationMs: config.sessionCreationTimeoutMs,
    deletionMs: config.sessionDeletionTimeoutMs,
    unreachableServerMs: config.unreachableServerMs,
    unreachableSessionsMs: config.unreachableSessionsMs,
    deletedVisibleMs: config.deletedSessionVisibleMs,
    screenshotWidth: config.screenshotMaxWidth,
    screenshotHeight: config.screenshotMaxHeight,
    screenshotFormat: config.screenshotFormat,
  };
}

/** What both doors are made of. */
interface Doors {
  readonly config: BrokerConfig;
  readonly ports: BrokerPorts;
  /** False while it cannot know what other brokers write. */
  readonly isHealthy: () => boolean;
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

function serveAgents(doors: Doors): Promise<Serving> {
  const { config, ports, isHealthy, core, attempts, access, tokens, connections, cluster, keys } = doors;
  const { clock, random, logger } = ports;
  const now = clock.now;
  const app = new Hono();
  const failed = (err: unknown) => logger.error({ err }, 'A request of an agent failed.');
  app.onError((error, context) => answerProblem(context, error, failed));
  const issueToken = createTokenEndpoint({ authenticate: access.authenticateAgent, tokens, audience: 'agent', now, attempts, random });
  app.post('/oauth2/token', (context) => issueToken(context.req.raw, addressOf(context)));
  for (const path of ['/agent/*', '/brokers/*']) app.use(path, recordRefusals({ attempts, random }));
  app.get('/health', (context) => (isHealthy() ? context.json({ status: 'ok' }) : context.json({ status: 'unavailable' }, 503)));
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
    failed,
  });
  app.route('/', createVerifier({ admit: createAdmission({ ...core, tokens, now }), attempts, random, failed }));
  app.route('/', agentApi);
  app.route('/', cluster.api());
  return serveDoor(app, config.agents, keys.agents);
}

/** What administration is made of. */
interface Administered extends Pick<AdministrationPorts, 'access' | 'log'> {
  readonly secrets: Secrets;
  readonly database: ReadDatabase;
  readonly core: Core;
}

function serveAdministrators(parts: Administered, { clock, random, logger }: BrokerPorts, dataDir: string): Promise<LocalServing> {
  const { access, log, secrets, database, core } = parts;
  const readable = () => core.application.reached(core.application.position());
  const credentials = createAccessQueries(database.reader);
  const administration = createAdministration({ access, log, clock, random, credentials, signingKeys: secrets.signingKeys, readable });
  const failed = (err: unknown) => logger.error({ err }, 'A request of an administrator failed.');
  return serveLocally(createAdminApi({ administration, random, failed }), dataDir);
}

function serveClients(doors: Doors, nextTokenKey: Buffer): Promise<Serving> {
  const { config, ports, isHealthy, core, past, audit, attempts, stopping, access, tokens, keys } = doors;
  const { clock, random, logger } = ports;
  const now = clock.now;
  const checkBearer = createBearerCheck({ tokens, isActive: (id) => access.isActive('api-client', id), now });
  const issueToken = createTokenEndpoint({ authenticate: access.authenticateApiClient, tokens, audience: 'api', now, attempts, random });
  const app = createClientApi({
    application: core.application,
    past,
    once: core.once,
    attempts,
    audit,
    stopping,
    authorize: config.apiAuthorization ? checkBearer : withoutNeed(checkBearer),
    issueToken: config.authorizationServer ? issueToken : undefined,
    servesYaml: config.servesApiYaml,
    nextTokenKey,
    isHealthy,
    random,
    log: logger,
    limits: { autorunArguments: config.autorunArgumentsMax, autorunArgumentLength: config.autorunArgumentMaxLength },
  });
  return serveDoor(app, config.clients, keys.clients);
}

/** Certificates are exchanged while it is open. */
async function serveDoor(app: Hono, { host, port }: Door, keys: Kept<ServerKeys>): Promise<Serving> {
  const serving = await serveHttps(app, { host, port, ...keys.current() });
  keys.follow(serving.renew);
  return serving;
}

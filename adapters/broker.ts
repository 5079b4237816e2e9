/**
 * The broker's composition root: claims the data folder, opens the log and the read models, starts the core, and opens the doors (see doors.ts) and the
 * socket for administration.
 */
import { EventEmitter, once } from 'node:events';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { AgentLink } from '../domain/ports/agent-link.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import { createBreaking } from '../domain/processes/breaking.ts';
import { createAccessQueries } from '../projections/access-queries.ts';
import type { ReadDatabase } from '../projections/database.ts';
import { type Access, createAccess } from './access.ts';
import { type AdministrationPorts, createAdministration } from './administration.ts';
import { archivedLog } from './archive/archived-log.ts';
import { archivesIn, openShelf } from './archive/shelf.ts';
import { createAttempts } from './audit/attempts.ts';
import { openAudit } from './audit/audit.ts';
import { createAuthServers } from './auth-servers.ts';
import { ensureBrokerId } from './broker-id.ts';
import { createCluster } from './cluster/cluster.ts';
import type { BrokerConfig } from './config.ts';
import { type Core, type CoreLimits, startCore } from './core.ts';
import { domainVersion } from './domain-version.ts';
import { type BrokerPorts, type OpenDoors, openDoors } from './doors.ts';
import { chained } from './evidence/chained.ts';
import { EVIDENCE_FILE, publishedIn } from './evidence/published.ts';
import { createSealing } from './evidence/sealing.ts';
import { checkpointKey } from './evidence/signatures.ts';
import { createAdminApi } from './http/admin-api.ts';
import { createAgentConnections } from './http/agent-connections.ts';
import { requestIdOf } from './http/request-notes.ts';
import { type LocalServing, serveLocally } from './http/serve-local.ts';
import { liftedLog } from './lifted-log.ts';
import type { Logger } from './logging.ts';
import { createMetrics } from './metrics/metrics.ts';
import { observe } from './metrics/observing.ts';
import { timedLog } from './metrics/timed-log.ts';
import { openLog } from './open-log.ts';
import { createOrderWatch } from './order-watch.ts';
import { createPasswords } from './passwords.ts';
import { watchPictures } from './picture-watch.ts';
import { openDesk, openReadModels } from './replay/desk.ts';
import { foldInChild, foldSource } from './replay/fold-child.ts';
import { createPast, PAST_LIMITS, type Past, type PastPorts } from './replay/past.ts';
import { openSecrets, type Secrets } from './secrets/secrets.ts';
import { advertisedHost, brokerUrl, serverNames } from './server-names.ts';
import { claimDataFolder } from './sqlite/data-folder.ts';
import { openSnapshots } from './sqlite/snapshots.ts';
import { openDoorKeys } from './tls/doors.ts';
import { createTokens, type Entry } from './tokens.ts';
import { createPlacementSpans } from './tracing/placement-spans.ts';
import type { Tracing } from './tracing/trace.ts';
import { openTracing } from './tracing/tracing.ts';

export interface RunningBroker extends OpenDoors {
  /** The path of the certificates that those trust. */
  readonly caFile: string;
  /** For giving out credentials on this machine. */
  readonly access: Access;
  /** Reads the certificates again now, which it otherwise does from time to time. Resolves when those that have changed are in use. */
  reload(): Promise<void>;
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
  const self = await ensureBrokerId(folder.path, random);
  const tracing = await openTracing(config.otlpEndpoint, self, logger);
  if (tracing !== undefined) onStop(tracing.stop);
  const opened = await openLog(config, { folder: folder.path, broker: self, logger, traces: tracing?.contexts });
  const chain = chained(opened.log);
  onStop(chain.close);
  const metrics = createMetrics();
  const log = timedLog(liftedLog(withArchives(chain, folder.path, logger)), metrics.appended);
  const secrets = await openSecrets({ log, clock, random, logger, fatal }, { ...config, dataDir: folder.path });
  onStop(secrets.close);
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
  const ca = [...secrets.authority.trusted, ...keys.agentAnchors];
  const cluster = createCluster({ self, connections, tokens, ca, clock, logger, holds: opened.locks.holds, core: () => core });
  onStop(cluster.close);
  const locks = createBreaking({ locks: opened.locks, clock, self, ask: cluster.holdsOf, ...tellBreaking(logger) });
  const sealing = createSealing(
    { ...ports, log: chain, locks, ...vouching(folder.path, secrets.checkpointSeed) },
    { intervalMs: config.checkpointIntervalMs },
  );
  onStop(sealing.stop);
  const watch = watchWork(ports, tracing);
  const observers = [metrics.placements, ...watch.processes];
  const core: Core = await startCore(
    { ...ports, log, locks, self, database, snapshots, observers, link: watch.around(cluster.link), fatal, issueConnectionToken },
    limitsOf(config),
  );
  watch.follow(core);
  onStop(core.stop);
  onStop((await openDesk({ log, database, standStill: core.standStill, logger }, readModels)).stop);
  connections.start(core.reception);
  const past = await openPast(config, { ...ports, log }, folder.path);
  onStop(past.stop);

  const audit = await openAudit({ log, clock, logger }, opened.derived('audit-index'));
  onStop(audit.close);
  const attempts = createAttempts({ log, self, clock, random, logger });
  onStop(attempts.stop);
  const access = createAccess({ log, clock, random, registry: core.registry, passwords: createPasswords() });
  const stopping = new AbortController();
  let isJoined = false;
  const observed = { core, reader: database.reader, connections, known: log.known, stands: opened.stands };
  const observing = observe({ ...observed, clock, stopping: stopping.signal, isJoined: () => isJoined }, metrics, onStop);
  const records = { audit, attempts, stopping: stopping.signal };
  const standing = { isHealthy: opened.stands, ...observing, metrics, tracing };
  const doors = { config, ports, ...standing, core, past, ...records, access, tokens, connections, cluster, keys };
  const open = await openDoors(doors, secrets.pageKey, onStop);
  onStop(async () => stopping.abort());
  await core.join({ host: machine.hostname, url: brokerUrl(advertised, open.agentPort) });
  isJoined = true;
  sealing.start();
  onStop((await serveAdministrators({ access, secrets, log, database, core }, ports, folder.path)).close);
  return { ...open, caFile: keys.caFile, access, reload: keys.reload };
}

/** Tells what requests lead to. Until there is a core nobody leads. */
function watchWork({ clock, random, logger }: BrokerPorts, tracing: Tracing | undefined) {
  let core: Pick<Core, 'leads'> = { leads: () => false };
  const leads = (): boolean => core.leads();
  const ports = { now: clock.now, random, logger, leads, tracing };
  const { process, around } = createOrderWatch(ports);
  return {
    processes: tracing === undefined ? [process] : [process, createPlacementSpans(tracing, leads)],
    around: (link: AgentLink) => watchPictures(around(link), ports),
    follow(started: Pick<Core, 'leads'>) {
      core = started;
    },
  };
}

/** What was moved to archives is read as if it had never left. Where one is not here, this broker goes on without what is in it. */
function withArchives(log: EventLog, dataDir: string, logger: Logger): EventLog {
  const absent = (sentence: string): void => logger.warn({}, sentence);
  return archivedLog(log, { shelf: openShelf(archivesIn(dataDir)), absent });
}

/** What can be asked about the past, out of the way of everything else. */
function openPast(config: BrokerConfig, ports: Omit<PastPorts, 'folder' | 'fold'>, dataDir: string): Promise<Past> {
  const fold = foldInChild(foldSource(config, dataDir));
  return createPast(
    { ...ports, folder: join(dataDir, 'replay'), fold },
    { ...PAST_LIMITS, deletedVisibleMs: config.deletedSessionVisibleMs },
  );
}

const tellBreaking = (logger: BrokerPorts['logger']) => ({
  broke: (lock: string, holder: string) => logger.warn({ lock, holder }, 'A broker that gives no sign of life has lost a lock.'),
  broken: (lock: string) => logger.warn({ lock }, 'Another broker has heard no sign of life of this one, and has broken its lock.'),
});

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
  const ports = { log, clock, random };
  const authServers = createAuthServers(ports, core.trusted);
  const administration = createAdministration({ ...ports, access, authServers, credentials, signingKeys: secrets.signingKeys, readable });
  const failed = (err: unknown, request: Request) =>
    logger.error({ err, requestId: requestIdOf(request) }, 'A request of an administrator failed.');
  return serveLocally(createAdminApi({ administration, random, failed }), dataDir);
}

/**
 * The broker without its doors: actors, processes and read models on a log. It starts by catching up and finishing what was under way when
 * the process before it ended. A simulation runs it as it is, with a log in memory and a clock of its own.
 */
import { createRegistry, type Registry } from '../domain/access/registry.ts';
import { ACTOR_LIMITS, createActors } from '../domain/actors.ts';
import { createTrustedServers, type TrustedServers } from '../domain/auth-server/trusted.ts';
import { brokerKind } from '../domain/broker/actor.ts';
import type { BrokerAddress } from '../domain/broker/events.ts';
import { createDnsNames, type DnsNames } from '../domain/dns/names.ts';
import type { Position, RecordedFact } from '../domain/facts.ts';
import { type BrokerId, brokerId } from '../domain/ids.ts';
import { createFleet, type Fleet } from '../domain/placement/fleet.ts';
import type { FleetServer } from '../domain/placement/fleet-server.ts';
import type { AgentLink } from '../domain/ports/agent-link.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { Locks } from '../domain/ports/locks.ts';
import type { Reception } from '../domain/ports/reception.ts';
import type { Snapshots } from '../domain/ports/snapshots.ts';
import type { DeadlineLimits } from '../domain/processes/deadlines.ts';
import { createDirectory, type Directory } from '../domain/processes/directory.ts';
import { createDispatching, type Dispatching } from '../domain/processes/dispatching.ts';
import { createEffects, type Telling } from '../domain/processes/effects.ts';
import { createMembership } from '../domain/processes/membership.ts';
import { createOutcomes } from '../domain/processes/outcomes.ts';
import type { PlacingLimits } from '../domain/processes/placing.ts';
import { follow, type Process } from '../domain/processes/process.ts';
import { createReception } from '../domain/processes/reception.ts';
import { type Servers, serverKind } from '../domain/server/actor.ts';
import { type Sessions, sessionKind } from '../domain/session/actor.ts';
import { createAccessQueries } from '../projections/access-queries.ts';
import { PROJECTIONS } from '../projections/all.ts';
import type { ReadDatabase, Reader } from '../projections/database.ts';
import { createProjector, type Projector } from '../projections/projector.ts';
import { startPurging } from '../projections/purging.ts';
import { createServerQueries } from '../projections/server-queries.ts';
import { createWorkQueries, type WorkQueries } from '../projections/work-queries.ts';
import type { Application } from './application.ts';
import { createLeading, pendingOf } from './leading.ts';
import type { Logger } from './logging.ts';
import { createOnce, type Once } from './once.ts';
import { createApplication } from './operations.ts';
import { createReads } from './reads.ts';
import type { Entry } from './tokens.ts';

export interface CorePorts {
  readonly log: EventLog;
  readonly database: ReadDatabase;
  readonly link: AgentLink;
  /** Shared with all brokers on the log. */
  readonly locks: Locks;
  readonly self: BrokerId;
  readonly clock: Clock;
  readonly random: Random;
  /** Absent: the streams of actors are always read from the beginning. */
  readonly snapshots?: Snapshots | undefined;
  readonly logger: Logger;
  /** Hear every fact, before anything is done because of it, and have no effects. */
  readonly observers?: readonly Process[] | undefined;
  issueConnectionToken(entry: Entry): Promise<string>;
  /** The log or the read models are lost for good: the broker had better end. */
  fatal(error: Error): void;
}

export interface CoreLimits extends PlacingLimits, DeadlineLimits {
  readonly deletedVisibleMs: number;
  readonly screenshotWidth: number;
  readonly screenshotHeight: number;
  readonly screenshotFormat: 'png' | 'jpeg';
}

export interface Core {
  readonly application: Application;
  readonly sessions: Sessions;
  readonly once: Once;
  readonly reception: Reception;
  readonly registry: Registry;
  readonly fleet: Fleet;
  readonly directory: Directory;
  readonly dnsNames: DnsNames;
  readonly trusted: TrustedServers;
  /** Tells the others that this broker serves now, and where. */
  join(address: BrokerAddress): Promise<void>;
  /** Lets the read models be exchanged. */
  readonly standStill: Projector['standStill'];
  /** How far the read models have come. */
  readonly projected: Projector['position'];
  /** How far the processes have heard. */
  heard(): Position;
  /** Whether this broker leads. */
  leads(): boolean;
  /** Resolves when no effect is under way and the read models have everything. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** How long a create call waits for a server before it answers that the session is being placed. */
const PLACEMENT_MS = 10_000;
/** How long a call waits for the read models. */
const PATIENCE_MS = 10_000;
/** How long servers that were reachable before a restart may take to come back: as long as a silent one is waited for. */
const RETURN_MS = 10_000;
/** Idle servers in memory, 3.5 KB each. A large fleet: placing spreads sessions over it, and reading servers back would cost as much as all the rest. */
const SERVERS_KEPT = 10_000;
/** How often a long catching up says how far it is. */
const CATCH_UP_REPORT_MS = 2_000;

export async function startCore(ports: CorePorts, limits: CoreLimits): Promise<Core> {
  const { log, clock, logger } = ports;
  const projector = createProjector({ ...ports, projections: PROJECTIONS });
  await projector.start();
  await catchUp(projector, log, logger);
  const telling = tellingOf(logger);
  const effects = createEffects(clock, telling);
  const sessions = createActors(sessionKind, ports);
  const servers = createActors(serverKind, ports, { ...ACTOR_LIMITS, kept: SERVERS_KEPT });
  const actors = { sessions, servers };
  const brokers = createActors(brokerKind, ports);
  const memory = createMemory();
  const { reader } = ports.database;
  const reads = createReads({ ...ports, ...limits, projector, fleet: memory.fleet, reader, patienceMs: PATIENCE_MS });
  const work = createWorkQueries(reader);
  const outcomes = createOutcomes();
  const dispatching = createDispatching({ ...ports, ...actors, effects });
  const reception = createReception(
    { ...ports, ...actors, ...memory, effects, dispatching, beliefs: reads },
    { ...limits, returnMs: RETURN_MS },
  );
  const failed = (err: unknown) => logger.error({ err }, 'This broker cannot say that it is there; trying again.');
  const membership = createMembership({ ...ports, brokers, failed });
  const processes = [...hearing(log, actors, memory), ...(ports.observers ?? []), outcomes, dispatching, membership];
  let heard = projector.position();
  const leadership = createLeadership(logger, ports.self);
  const leading = createLeading(
    {
      ...ports,
      ...actors,
      ...memory,
      brokers,
      beliefs: reads,
      work,
      processes,
      heard: () => heard,
      head: log.head,
      reached: reads.reached,
      ...leadership,
      ...telling,
    },
    { ...limits, returnMs: RETURN_MS },
  );

  await remember(reader, work, { ...memory, dispatching });
  const passed = ({ position }: RecordedFact): void => {
    heard = position;
  };
  const subscription = log.subscribe(heard, follow(processes, passed), ports.fatal);
  await leading.start();
  const isOwn = ({ reachable, broker }: FleetServer) => reachable && (broker === null || broker === ports.self);
  reception.expect([...memory.fleet.values()].filter(isOwn).map(({ id }) => id));
  const purging = startPurging({ ...ports, visibleMs: limits.deletedVisibleMs });
  const operations = { ...limits, placementMs: PLACEMENT_MS };
  return {
    ...memory,
    application: createApplication({ ...ports, ...actors, outcomes, reads }, operations),
    sessions,
    once: createOnce(ports),
    reception,
    join: membership.join,
    standStill: projector.standStill,
    projected: projector.position,
    heard: () => heard,
    leads: leadership.leads,
    async idle() {
      await Promise.all([effects.idle(), leading.idle()]);
      await projector.reached(await log.head(), PATIENCE_MS);
    },
    async stop() {
      effects.stop();
      reception.stop();
      await leading.stop();
      await membership.leave();
      await subscription.stop();
      await purging.stop();
      await projector.stop();
    },
  };
}

const tellingOf = (logger: Logger): Telling => ({
  failed: (what, err, requestId) => logger.error({ err, requestId }, `Trying again until it is done: ${what}.`),
  recovered: () => logger.warn({}, 'What had to be tried again is done.'),
});

/** Tells the operator when it changes. */
function createLeadership(logger: Logger, broker: BrokerId) {
  let leads = false;
  return {
    began() {
      leads = true;
      logger.info({ broker }, 'This broker leads.');
    },
    ended() {
      leads = false;
      logger.warn({ broker }, 'This broker does not lead any more.');
    },
    leads: () => leads,
  };
}

/** Until the read models have all that was in the log at the start; after a crash or with an empty read database that takes a while. */
async function catchUp(projector: Projector, log: EventLog, logger: Logger): Promise<void> {
  const head = await log.head();
  while (!(await projector.reached(head, CATCH_UP_REPORT_MS))) {
    logger.info({ position: projector.position(), head }, 'The read models are catching up with the log.');
  }
}

interface Actors {
  readonly sessions: Sessions;
  readonly servers: Servers;
}

interface Memory {
  readonly fleet: Fleet;
  readonly registry: Registry;
  readonly directory: Directory;
  readonly dnsNames: DnsNames;
  readonly trusted: TrustedServers;
}

const createMemory = (): Memory => ({
  fleet: createFleet(),
  registry: createRegistry(),
  directory: createDirectory(),
  dnsNames: createDnsNames(),
  trusted: createTrustedServers(),
});

/** What moves on with every fact, before anything is done because of it. Alone on a log, actors have heard of their facts already. */
function hearing(
  log: EventLog,
  { sessions, servers }: Actors,
  { fleet, registry, directory, dnsNames, trusted }: Memory,
): readonly Process[] {
  const actors: Process = { session: sessions.heard, server: servers.heard };
  const index: Process = { server: (_, fact) => fleet.apply(fact), access: registry.apply, authServer: trusted.apply };
  return log.isShared ? [actors, index, directory, dnsNames] : [index, directory, dnsNames];
}

/** Fills what is kept in memory from the read models. */
async function remember(reader: Reader, work: WorkQueries, parts: Memory & { readonly dispatching: Dispatching }): Promise<void> {
  const { fleet, registry, directory, dnsNames, trusted, dispatching } = parts;
  for await (const rows of createServerQueries(reader).fleet()) fleet.load(rows);
  for (const credential of await createAccessQueries(reader).active()) registry.put(credential);
  for (const { id, host, url } of await work.brokers()) directory.put({ id: brokerId(id), host, url });
  for (const { id, ...server } of await work.authServers()) trusted.put(id, server);
  dnsNames.put(await work.dnsMappings());
  for await (const page of work.pending()) dispatching.resume(page.map(pendingOf));
}

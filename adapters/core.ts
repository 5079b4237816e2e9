/**
 * The broker without its doors: actors, processes and read models on a log. It starts by catching up and finishing what was under way when
 * the process before it ended. A simulation runs it as it is, with a log in memory and a clock of its own.
 */
import { createRegistry, type Registry } from '../domain/access/registry.ts';
import { ACTOR_LIMITS, createActors } from '../domain/actors.ts';
import type { Origin, Position } from '../domain/facts.ts';
import { requestId, type ServerId, serverId, sessionId } from '../domain/ids.ts';
import { createFleet, type Fleet } from '../domain/placement/fleet.ts';
import type { AgentLink } from '../domain/ports/agent-link.ts';
import type { Beliefs } from '../domain/ports/beliefs.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import type { EventLog, Subscription } from '../domain/ports/event-log.ts';
import type { Reception } from '../domain/ports/reception.ts';
import { createDeadlines, type DeadlineLimits, type Deadlines } from '../domain/processes/deadlines.ts';
import { createDispatching, type Dispatching } from '../domain/processes/dispatching.ts';
import { createEffects, type Effects } from '../domain/processes/effects.ts';
import { createOutcomes, type Outcomes } from '../domain/processes/outcomes.ts';
import { createPlacing, type Placing, type PlacingLimits } from '../domain/processes/placing.ts';
import { follow, type Process } from '../domain/processes/process.ts';
import { createReception, type StartedReception } from '../domain/processes/reception.ts';
import { createReleasing, release } from '../domain/processes/releasing.ts';
import { type Servers, serverKind } from '../domain/server/actor.ts';
import { type Sessions, sessionKind } from '../domain/session/actor.ts';
import { access } from '../projections/access.ts';
import { createAccessQueries } from '../projections/access-queries.ts';
import type { ReadDatabase } from '../projections/database.ts';
import { createProjector, type Projector } from '../projections/projector.ts';
import { startPurging } from '../projections/purging.ts';
import { createServerQueries } from '../projections/server-queries.ts';
import { servers as serversProjection } from '../projections/servers.ts';
import { sessions as sessionsProjection } from '../projections/sessions.ts';
import { createWorkQueries } from '../projections/work-queries.ts';
import type { Application } from './application.ts';
import type { Logger } from './logging.ts';
import { createOnce, type Once } from './once.ts';
import { createApplication } from './operations.ts';
import { createReads } from './reads.ts';

export interface CorePorts {
  readonly log: EventLog;
  readonly database: ReadDatabase;
  readonly link: AgentLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  issueConnectionToken(sessionId: string, user: string): Promise<string>;
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
  readonly once: Once;
  readonly reception: Reception;
  readonly registry: Registry;
  readonly fleet: Fleet;
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
  const projector = createProjector({ ...ports, projections: [sessionsProjection, serversProjection, access] });
  await projector.start();
  await catchUp(projector, log, logger);
  const effects = createEffects(clock, (what, err) => logger.error({ err }, `Trying again: ${what}.`));
  const sessions = createActors(sessionKind, ports);
  const servers = createActors(serverKind, ports, { ...ACTOR_LIMITS, kept: SERVERS_KEPT });
  const actors = { sessions, servers };
  const memory = { fleet: createFleet(), registry: createRegistry() };
  const reads = createReads({
    ...ports,
    ...limits,
    projector,
    fleet: memory.fleet,
    reader: ports.database.reader,
    patienceMs: PATIENCE_MS,
  });
  const running = createProcesses({ ...ports, ...actors, ...memory, effects, beliefs: reads }, limits);
  const subscription = await recover(ports, { ...actors, ...memory, ...running }, projector.position());
  const purging = startPurging({ ...ports, visibleMs: limits.deletedVisibleMs });
  const operations = { ...limits, placementMs: PLACEMENT_MS };
  return {
    ...memory,
    application: createApplication({ ...ports, ...actors, ...memory, ...running, reads }, operations),
    once: createOnce(ports),
    reception: running.reception,
    async idle() {
      await effects.idle();
      await projector.reached(await log.head(), PATIENCE_MS);
    },
    async stop() {
      effects.stop();
      running.placing.stop();
      running.deadlines.stop();
      running.reception.stop();
      await subscription.stop();
      await purging.stop();
      await projector.stop();
    },
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
}

interface Running {
  readonly outcomes: Outcomes;
  readonly placing: Placing;
  readonly dispatching: Dispatching;
  readonly deadlines: Deadlines;
  readonly reception: StartedReception;
  readonly processes: readonly Process[];
}

type ProcessPorts = CorePorts & Actors & Memory & { readonly effects: Effects; readonly beliefs: Beliefs };

function createProcesses(ports: ProcessPorts, limits: CoreLimits): Running {
  const { fleet, registry } = ports;
  const outcomes = createOutcomes();
  const placing = createPlacing(ports, limits);
  const dispatching = createDispatching(ports);
  const reception = createReception({ ...ports, dispatching }, { ...limits, returnMs: RETURN_MS });
  const deadlines = createDeadlines(ports, limits);
  const index: Process = { server: (_, fact) => fleet.apply(fact), access: registry.apply };
  const processes = [index, outcomes, placing, dispatching, deadlines, createReleasing(ports)];
  return { outcomes, placing, dispatching, deadlines, reception, processes };
}

/**
 * Fills the indexes from the read models, which stand at `start`, finishes what the process before left undone, and follows the log from there.
 * Stray slots go first: a session that is placed again may well take the very slot.
 */
async function recover(
  { log, database, random, fatal }: CorePorts,
  parts: Actors & Memory & Running,
  start: Position,
): Promise<Subscription> {
  const { servers, fleet, registry, placing, dispatching, deadlines, reception, processes } = parts;
  const work = createWorkQueries(database.reader);
  const origin: Origin = { cause: { kind: 'broker', id: 'recovery' }, requestId: requestId(random.uuid()) };
  const unreachable: { readonly serverId: ServerId; readonly unreachableSince: number }[] = [];
  for await (const rows of createServerQueries(database.reader).fleet()) {
    fleet.load(rows);
    for (const { id, unreachableSince } of rows) if (unreachableSince !== undefined) unreachable.push({ serverId: id, unreachableSince });
  }
  deadlines.resumeServers(unreachable, origin);
  for (const credential of await createAccessQueries(database.reader).active()) registry.put(credential);
  const strays = await work.straySlots();
  await Promise.all(strays.map((slot) => servers.execute(slot.serverId, release(sessionId(slot.sessionId)), origin)));
  reception.expect([...fleet.values()].filter(({ reachable }) => reachable).map(({ id }) => id));
  const subscription = log.subscribe(start, follow(processes), fatal);
  for await (const page of work.pending()) {
    const pending = page.map(({ id, serverId: server, state, stateTime, attempt }) => ({
      sessionId: sessionId(id),
      serverId: server === undefined ? undefined : serverId(server),
      state,
      stateTime,
      attempt,
    }));
    placing.resume(pending, origin);
    dispatching.resume(pending);
    deadlines.resume(pending, origin);
  }
  return subscription;
}

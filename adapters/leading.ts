/**
 * What only one broker does at a time: placing, deadlines, slots to be released, and looking after the other brokers. Whoever holds the lock `leader`
 * begins a term like a broker after a restart, with what the read models say was under way, and ends it when the lock is lost.
 */
import type { Brokers } from '../domain/broker/actor.ts';
import type { Origin, Position } from '../domain/facts.ts';
import { type BrokerId, requestId, serverId, sessionId } from '../domain/ids.ts';
import type { Fleet } from '../domain/placement/fleet.ts';
import type { Beliefs } from '../domain/ports/beliefs.ts';
import type { Clock, Random, Timer } from '../domain/ports/clock.ts';
import type { Locks } from '../domain/ports/locks.ts';
import { createDeadlines, type DeadlineLimits } from '../domain/processes/deadlines.ts';
import type { Directory } from '../domain/processes/directory.ts';
import { createEffects, type Telling } from '../domain/processes/effects.ts';
import { createPlacing, type PlacingLimits } from '../domain/processes/placing.ts';
import type { PendingSession, Process } from '../domain/processes/process.ts';
import { createReleasing, giveBack } from '../domain/processes/releasing.ts';
import { createStrays } from '../domain/processes/strays.ts';
import { createWatching, type WatchingLimits } from '../domain/processes/watching.ts';
import type { Servers } from '../domain/server/actor.ts';
import type { Sessions } from '../domain/session/actor.ts';
import type { StraySlot, PendingSession as Undone, WorkQueries } from '../projections/work-queries.ts';

export interface LeadingPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly brokers: Brokers;
  readonly fleet: Fleet;
  readonly directory: Directory;
  readonly beliefs: Beliefs;
  readonly work: WorkQueries;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly random: Random;
  readonly self: BrokerId;
  /** Those that hear every fact; a term adds its own and takes them away. */
  readonly processes: Process[];
  /** How far they have heard. */
  heard(): Position;
  /** Of the newest fact: whoever led before may have written what is not heard yet. */
  head(): Promise<Position>;
  /** Resolves when the read models have come that far. */
  reached(position: Position): Promise<void>;
  /** For the operator. */
  began(): void;
  ended(): void;
  failed: Telling['failed'];
  recovered(): void;
}

export type LeadingLimits = PlacingLimits & DeadlineLimits & WatchingLimits;

export interface Leading {
  /** Resolves when this broker leads, or knows that another one does. Throws where it could lead but cannot begin. */
  start(): Promise<void>;
  /** Resolves when nothing that the leader began is under way. */
  idle(): Promise<void>;
  /** Resolves when another broker may lead. */
  stop(): Promise<void>;
}

export const LEADER = 'leader';
/** How often a broker that does not lead looks whether it should. */
const ROUND_MS = 1_000;

interface Term {
  idle(): Promise<void>;
  end(): void;
}

export function createLeading(ports: LeadingPorts, limits: LeadingLimits): Leading {
  const { locks, clock } = ports;
  let term: Term | undefined;
  let resign: (() => Promise<void>) | undefined;
  let timer: Timer | undefined;
  let isStopped = false;
  /** A log that is away is told once, not every second. */
  let isTold = false;

  async function attempt(): Promise<void> {
    const lock = await locks.take(LEADER);
    if (lock === undefined || isStopped) return lock?.release();
    resign = lock.release;
    try {
      term = await beginTerm(ports, limits);
    } catch (error) {
      await lock.release();
      throw error;
    }
    ports.began();
    void lock.over.then(() => {
      term?.end();
      term = undefined;
      // What is lost need not be given back, which would take a while where the log does not answer.
      resign = undefined;
      if (isStopped) return;
      ports.ended();
      tryAgain();
    });
  }

  function tryAgain(): void {
    timer = clock.after(ROUND_MS, () => {
      attempt()
        .then(
          () => {
            isTold = false;
          },
          (error: unknown) => {
            if (!isTold) ports.failed('beginning to lead', error, undefined);
            isTold = true;
          },
        )
        .finally(() => {
          if (term === undefined && !isStopped) tryAgain();
        });
    });
  }

  return {
    async start() {
      await attempt();
      if (term === undefined) tryAgain();
    },
    async idle() {
      await term?.idle();
    },
    async stop() {
      isStopped = true;
      timer?.cancel();
      term?.end();
      await resign?.();
    },
  };
}

/**
 * Stray slots go first: a session that is placed again may well take the very slot. Sessions that end meanwhile, at other brokers, give theirs back already.
 * Then all facts are heard, and what the read models say was left undone is taken up; what is in both is done once, because actors decide.
 */
async function beginTerm(ports: LeadingPorts, limits: LeadingLimits): Promise<Term> {
  const { work, processes, clock, random } = ports;
  const own: Process[] = [];
  const hear = (...more: readonly Process[]): void => {
    own.push(...more);
    processes.push(...more);
  };
  const origin: Origin = { cause: { kind: 'broker', id: 'recovery' }, requestId: requestId(random.uuid()) };
  const effects = createEffects(clock, ports);
  const placing = createPlacing({ ...ports, effects }, limits);
  const deadlines = createDeadlines({ ...ports, effects }, limits);
  const watching = createWatching({ ...ports, effects }, limits);
  const strays = createStrays({ ...ports, effects, find: async () => (await work.straySlots()).map(strayOf) });

  function end(): void {
    for (const process of own) processes.splice(processes.indexOf(process), 1);
    effects.stop();
    placing.stop();
    deadlines.stop();
    watching.stop();
    strays.stop();
  }

  try {
    hear(createReleasing({ ...ports, effects }));
    await ports.reached(await ports.head());
    const found = await work.straySlots();
    await Promise.all(found.map((stray) => settleStray(ports, stray, origin)));
    hear(placing, deadlines, watching);
    await ports.reached(ports.heard());
    const unreachable = await work.unreachable();
    deadlines.resumeServers(
      unreachable.map((server) => ({ ...server, serverId: serverId(server.serverId) })),
      origin,
    );
    for await (const page of work.pending()) {
      const pending = page.map(pendingOf);
      placing.resume(pending, origin);
      deadlines.resume(pending, origin);
    }
    watching.start();
    strays.start();
  } catch (error) {
    end();
    throw error;
  }
  return { idle: effects.idle, end };
}

export const pendingOf = ({ id, serverId: server, state, stateTime, attempt }: Undone): PendingSession => ({
  sessionId: sessionId(id),
  serverId: server === undefined ? undefined : serverId(server),
  state,
  stateTime,
  attempt,
});

const strayOf = ({ serverId: server, sessionId: session }: StraySlot) => ({ serverId: serverId(server), sessionId: sessionId(session) });

/** Whoever led before may still be about to place the session there: that comes too late from now on, or has happened by now. */
async function settleStray(ports: LeadingPorts, stray: StraySlot, origin: Origin): Promise<void> {
  const { sessions } = ports;
  const { serverId, sessionId } = strayOf(stray);
  const { context } = await sessions.look(sessionId);
  await sessions.execute(sessionId, { type: 'restart-placement', round: context.round }, origin);
  await giveBack(ports, serverId, sessionId, origin);
}

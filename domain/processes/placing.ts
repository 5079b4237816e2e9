/**
 * Finds a server for each session that is requested or tries again: candidates in order, the server actor decides, the session is
 * placed. With no server it waits if it was asked to, and is refused if not. Who waits is looked at again because of a fact, not a poll.
 */
import type { Origin } from '../facts.ts';
import type { ServerId, SessionId } from '../ids.ts';
import { candidates, noServerReason } from '../placement/candidates.ts';
import type { Fleet } from '../placement/fleet.ts';
import { createQueue, type Waiting } from '../placement/queue.ts';
import { ANY_SERVER, compileRequirement } from '../placement/requirements.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import type { PlacementWish, SessionSpec } from '../session/events.ts';
import type { SessionSnapshot } from '../session/machine.ts';
import type { Effects } from './effects.ts';
import { causedBy, type PendingSession, type Process, type ServerFact, type SessionFact } from './process.ts';
import { release } from './releasing.ts';

export interface PlacingPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly fleet: Fleet;
  readonly effects: Effects;
  readonly clock: Clock;
  readonly random: Random;
}

export interface PlacingLimits {
  /** Requests that may wait. */
  readonly queueSize: number;
  /** How long one may wait. */
  readonly queueMs: number;
}

/** How it stands with a session that was just requested. */
export type Placement = { readonly outcome: 'placed' | 'waiting' | 'gone' } | { readonly outcome: 'none'; readonly reason: string };

export interface Placing extends Process {
  /** Resolves when the session that is about to be requested has been placed, refused or queued. Call it before the request is recorded. */
  outcome(sessionId: SessionId): Promise<Placement>;
  /** The call of `outcome` was for nothing: the request was not recorded. */
  forget(sessionId: SessionId): void;
  resume(pending: readonly PendingSession[], origin: Origin): void;
  /** Requests that wait for a server now. */
  readonly waiting: number;
  stop(): void;
}

/** One session that looks for a server. */
interface Job extends Waiting {
  readonly wish: SessionSpec & PlacementWish;
  readonly attempt: number;
  readonly tried: readonly ServerId[];
  readonly origin: Origin;
  /** Its client has been told that it will be made, now or later: too late to refuse it. */
  readonly isAcknowledged: boolean;
}

/** Looks at the fleet anew when every candidate turned out to be taken. */
const ROUNDS = 3;

export function createPlacing(ports: PlacingPorts, limits: PlacingLimits): Placing {
  const { sessions, effects, clock } = ports;
  const queue = createQueue<Job>();
  const listeners = new Map<SessionId, (placement: Placement) => void>();
  let alarm: { readonly at: number; readonly timer: Timer } | undefined;
  let isWaking = false;
  let isWakeDue = false;

  function answer(sessionId: SessionId, placement: Placement): void {
    listeners.get(sessionId)?.(placement);
    listeners.delete(sessionId);
  }

  function start(job: Job): void {
    effects.run(`placing session ${job.sessionId}`, () => attempt(job));
  }

  async function attempt(job: Job): Promise<void> {
    const isBehindOthers = queue.has(job.kind);
    const placement = isBehindOthers ? BEHIND_OTHERS : await place(ports, job);
    answer(job.sessionId, placement.outcome === 'none' ? await withoutServer(job, placement.reason) : placement);
  }

  async function withoutServer(job: Job, reason: string): Promise<Placement> {
    if (job.wish.enqueue && (job.isAcknowledged || queue.size < limits.queueSize)) {
      queue.add(job);
      watch(job.deadline);
      return { outcome: 'waiting' };
    }
    const why = job.wish.enqueue ? `The queue is full: ${limits.queueSize} requests wait. ${reason}` : reason;
    if (job.isAcknowledged) await giveUp(job, why);
    else await sessions.execute(job.sessionId, { type: 'refuse', spec: job.wish, reason: why }, job.origin);
    return { outcome: 'none', reason: why };
  }

  /** Its client has been told of it, so it stays visible, with the reason. */
  async function giveUp({ sessionId, origin }: Job, reason: string): Promise<void> {
    await sessions.execute(sessionId, { type: 'give-up', reason }, origin);
  }

  /** Serves the queue, kind by kind, until nobody in it can be placed. One round at a time; what happens meanwhile causes another. */
  function wake(): void {
    if (queue.size === 0) return;
    isWakeDue = true;
    if (isWaking) return;
    isWaking = true;
    effects.run('serving the queue', async () => {
      while (isWakeDue) {
        isWakeDue = false;
        await Promise.all(queue.heads().map(serve));
      }
      isWaking = false;
    });
  }

  async function serve(head: Job): Promise<void> {
    const placement = await place(ports, head);
    if (placement.outcome === 'none') return;
    queue.remove(head.sessionId);
    isWakeDue = true;
  }

  function watch(deadline: number): void {
    if (alarm !== undefined && alarm.at <= deadline) return;
    alarm?.timer.cancel();
    alarm = { at: deadline, timer: clock.after(Math.max(0, deadline - clock.now()), expire) };
  }

  function expire(): void {
    alarm = undefined;
    const tooLate = `No server could take the session within ${limits.queueMs / 1000} s.`;
    for (const job of queue.expire(clock.now())) {
      effects.run(`giving up session ${job.sessionId}`, () => giveUp(job, tooLate));
    }
    const next = queue.nextDeadline();
    if (next !== undefined) watch(next);
  }

  function session(id: SessionId, fact: SessionFact): void {
    const origin = causedBy('placing', fact);
    if (fact.type === 'session.requested') {
      start(job(id, { wish: fact.data, attempt: 1, tried: [], origin, deadline: fact.time + limits.queueMs, isAcknowledged: false }));
    } else if (fact.type === 'session.failed' && fact.data.retrying) {
      effects.run(`placing session ${id} again`, () => again(id, origin));
    } else if (fact.type === 'session.deleted') {
      queue.remove(id);
    }
  }

  async function again(id: SessionId, origin: Origin): Promise<void> {
    const found = jobOf(id, await sessions.look(id), limits, origin);
    if (found !== undefined) await attempt(found);
  }

  return {
    session,
    server(_id, fact) {
      if (MAKES_ROOM.has(fact.type)) wake();
    },
    outcome: (sessionId) => new Promise((resolve) => listeners.set(sessionId, resolve)),
    forget: (sessionId) => void listeners.delete(sessionId),
    resume(pending, origin) {
      for (const { sessionId, serverId } of pending) {
        if (serverId === undefined) effects.run(`placing session ${sessionId}`, () => again(sessionId, origin));
      }
    },
    get waiting() {
      return queue.size;
    },
    stop: () => alarm?.timer.cancel(),
  };
}

const BEHIND_OTHERS = { outcome: 'none', reason: 'No DCV server found for the given criteria: others wait for the same.' } as const;

/** Facts after which a server may take what it could not take before. */
const MAKES_ROOM: ReadonlySet<ServerFact['type']> = new Set([
  'server.registered',
  'server.described',
  'server.opened',
  'server.slot-released',
  'server.became-reachable',
  'server.health-changed',
  'server.logged-in-users-changed',
]);

/** Asks one candidate after the other for a slot; the first that gives one has the session. */
async function place(ports: PlacingPorts, job: Job): Promise<Placement> {
  const compiled = compileRequirement(job.wish.requirements);
  const requirement = 'requirement' in compiled ? compiled.requirement : ANY_SERVER;
  const { sessionType, owner } = job.wish;
  for (let round = 1; ; round += 1) {
    const found = candidates(ports.fleet, { sessionType, owner, requirement, except: job.tried }, ports.random);
    for (const serverId of found.ordered) {
      if (await reserve(ports, job, serverId)) return settle(ports, job, serverId);
    }
    if (found.ordered.length === 0 || round === ROUNDS) return { outcome: 'none', reason: noServerReason(found) };
  }
}

async function reserve({ fleet, servers }: PlacingPorts, job: Job, serverId: ServerId): Promise<boolean> {
  const { sessionId, attempt, origin } = job;
  const { sessionType, owner } = job.wish;
  fleet.noteReservation(serverId, sessionId, { sessionType, owner });
  const outcome = await servers.execute(serverId, { type: 'reserve', sessionId, sessionType, owner, attempt }, origin);
  if ('rejected' in outcome) fleet.withdraw(serverId, sessionId);
  return !('rejected' in outcome);
}

/** The slot is held. A session that was deleted meanwhile gives it back. */
async function settle({ sessions, servers }: PlacingPorts, job: Job, serverId: ServerId): Promise<Placement> {
  const { sessionId, attempt, origin } = job;
  const outcome = await sessions.execute(sessionId, { type: 'place', serverId, attempt }, origin);
  if (!('rejected' in outcome)) return { outcome: 'placed' };
  await servers.execute(serverId, release(sessionId), origin);
  return { outcome: 'gone' };
}

function job(sessionId: SessionId, rest: Omit<Job, 'sessionId' | 'kind'>): Job {
  const { sessionType, requirements, owner } = rest.wish;
  return { ...rest, sessionId, kind: JSON.stringify([sessionType, requirements ?? '', owner]) };
}

/** A session that still looks for a server, from its state; undefined when it does not any more. */
function jobOf(id: SessionId, { value, context }: SessionSnapshot, { queueMs }: PlacingLimits, origin: Origin): Job | undefined {
  if (value !== 'placing' || context.spec === null) return undefined;
  const { spec, wish, attempt, tried, creationTime } = context;
  const isAcknowledged = wish.enqueue || attempt > 0;
  return job(id, { wish: { ...spec, ...wish }, attempt: attempt + 1, tried, origin, deadline: creationTime + queueMs, isAcknowledged });
}

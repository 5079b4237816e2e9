/**
 * Finds a server for each session that is requested or tries again. With no server it waits if it was asked to, and is refused if not.
 */
import type { Origin } from '../facts.ts';
import type { SessionId } from '../ids.ts';
import type { PolicyName } from '../placement/policies.ts';
import type { Clock } from '../ports/clock.ts';
import type { Effects } from './effects.ts';
import { type Job, job, jobOf } from './job.ts';
import { causedBy, type PendingSession, type Process, type ServerFact, type SessionFact } from './process.ts';
import { createPump } from './pump.ts';
import { type Found, type SeekingPorts, seek } from './seeking.ts';
import { createWaitingRoom } from './waiting.ts';

export interface PlacingPorts extends SeekingPorts {
  readonly effects: Effects;
  readonly clock: Clock;
}

export interface PlacingLimits {
  /** Requests that may wait. */
  readonly queueSize: number;
  /** How long one may wait. */
  readonly queueMs: number;
  /** Which of the servers that could take a session gets it. */
  readonly policy: PolicyName;
}

export interface Placing extends Process {
  resume(pending: readonly PendingSession[], origin: Origin): void;
  stop(): void;
}

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

const BEHIND_OTHERS: Found = { outcome: 'none', reason: 'No DCV server found for the given criteria; others wait for the same.' };

export function createPlacing(ports: PlacingPorts, limits: PlacingLimits): Placing {
  const { sessions, effects } = ports;
  /** What the broker that ran before left undone. */
  const undone = new Map<SessionId, Origin>();
  const resuming = createPump({ ...ports, step: resumeNext });
  const tooLate = `No server could take the session within ${limits.queueMs / 1000} s.`;
  const room = createWaitingRoom({
    ...ports,
    seek: (waiting) => seek(ports, limits.policy, waiting),
    giveUp: (waiting) => turnDown(waiting, tooLate),
  });

  async function attempt(job: Job): Promise<void> {
    const found = room.has(job.kind) ? BEHIND_OTHERS : await room.seek(job);
    if (found.outcome === 'none') await withoutServer(job, found.reason);
  }

  async function withoutServer(job: Job, reason: string): Promise<void> {
    if (!job.wish.enqueue) return turnDown(job, reason);
    if (!job.isTold && room.size >= limits.queueSize) {
      return turnDown(job, `The queue is full: ${limits.queueSize} requests wait. ${reason}`);
    }
    // From now on room that is made anywhere is offered to it.
    room.add(job);
    await sessions.execute(job.sessionId, { type: 'queue' }, job.origin);
  }

  /** Why it failed before matters more than why nobody else can take it. */
  async function turnDown({ sessionId, wish: spec, failure, origin }: Job, why: string): Promise<void> {
    const reason = failure === undefined ? why : `${failure} It could not be tried elsewhere: ${why}`;
    await sessions.execute(sessionId, { type: 'refuse', spec, reason }, origin);
  }

  async function again(id: SessionId, origin: Origin): Promise<void> {
    const found = jobOf(id, await sessions.look(id), limits.queueMs, origin);
    if (found !== undefined) await attempt(found);
  }

  /** A few at a time: a broker with a long queue would fill its memory with them otherwise. */
  function resumeNext(): number {
    const [next] = undone;
    if (next === undefined) return 0;
    const [id, origin] = next;
    undone.delete(id);
    resuming.begin(`placing session ${id}`, () => again(id, origin), origin.requestId);
    return 1;
  }

  function session(id: SessionId, fact: SessionFact): void {
    const origin = causedBy('placing', fact);
    if (fact.type === 'session.requested') {
      const deadline = fact.time + limits.queueMs;
      const first = job(id, { wish: fact.data, attempt: 1, tried: [], origin, deadline, isTold: false, round: 0 });
      effects.run(`placing session ${id}`, () => attempt(first), fact.requestId);
    } else if (fact.type === 'session.failed' && fact.data.retrying) {
      effects.run(`placing session ${id} again`, () => again(id, origin), fact.requestId);
    } else if (fact.type === 'session.deleted') {
      room.remove(id);
    }
  }

  return {
    session,
    server(id, fact) {
      if (MAKES_ROOM.has(fact.type)) room.wake(id);
    },
    resume(pending, origin) {
      for (const { sessionId, serverId } of pending) if (serverId === undefined) undone.set(sessionId, origin);
      resuming.run();
    },
    stop() {
      resuming.stop();
      room.stop();
    },
  };
}

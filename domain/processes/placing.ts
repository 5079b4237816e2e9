/**
 * Finds a server for each session that is requested or tries again. With no server it waits if it was asked to, and is refused if not;
 * who asked hears how it ended.
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

/** How it stands with a session that was just requested. */
export type Placement = Found | { readonly outcome: 'waiting' };

export interface Placing extends Process {
  /**
   * Resolves when a session that is being placed has been placed, refused or queued. Of one that is about to be requested, call it before the
   * request is recorded; of one that was requested already, before its state is looked at.
   */
  outcome(sessionId: SessionId): Promise<Placement>;
  /** Nobody listens for this outcome any more. */
  forget(sessionId: SessionId): void;
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
  const listeners = new Map<SessionId, (placement: Placement) => void>();
  /** What the broker that ran before left undone. */
  const undone = new Map<SessionId, Origin>();
  const resuming = createPump({ ...ports, step: resumeNext });
  const tooLate = `No server could take the session within ${limits.queueMs / 1000} s.`;
  const room = createWaitingRoom({
    ...ports,
    seek: (waiting) => seek(ports, limits.policy, waiting),
    giveUp: (waiting) => giveUp(waiting, tooLate),
  });

  async function attempt(job: Job): Promise<void> {
    const found = room.has(job.kind) ? BEHIND_OTHERS : await room.seek(job);
    const placement = found.outcome === 'none' ? await withoutServer(job, found.reason) : found;
    listeners.get(job.sessionId)?.(placement);
  }

  async function withoutServer(job: Job, reason: string): Promise<Placement> {
    if (job.wish.enqueue && (job.isAcknowledged || room.size < limits.queueSize)) {
      room.add(job);
      return { outcome: 'waiting' };
    }
    const why = job.wish.enqueue ? `The queue is full: ${limits.queueSize} requests wait. ${reason}` : reason;
    // A call that waits no more was answered, or died with its broker: in both cases the client may have been told of the session.
    if (job.isAcknowledged || !listeners.has(job.sessionId)) await giveUp(job, why);
    else await sessions.execute(job.sessionId, { type: 'refuse', spec: job.wish, reason: why }, job.origin);
    return { outcome: 'none', reason: why };
  }

  /** Its client has been told of it, so it stays visible, with the reason; why it failed before matters more than why nobody else can take it. */
  async function giveUp({ sessionId, failure, origin }: Job, reason: string): Promise<void> {
    const whole = failure === undefined ? reason : `${failure} It could not be tried elsewhere: ${reason}`;
    await sessions.execute(sessionId, { type: 'give-up', reason: whole }, origin);
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
    resuming.begin(`placing session ${id}`, () => again(id, origin));
    return 1;
  }

  function session(id: SessionId, fact: SessionFact): void {
    const origin = causedBy('placing', fact);
    if (fact.type === 'session.requested') {
      const deadline = fact.time + limits.queueMs;
      const first = job(id, { wish: fact.data, attempt: 1, tried: [], origin, deadline, isAcknowledged: false });
      effects.run(`placing session ${id}`, () => attempt(first));
    } else if (fact.type === 'session.failed' && fact.data.retrying) {
      effects.run(`placing session ${id} again`, () => again(id, origin));
    } else if (fact.type === 'session.deleted') {
      room.remove(id);
    }
  }

  return {
    session,
    server(id, fact) {
      if (MAKES_ROOM.has(fact.type)) room.wake(id);
    },
    outcome: (sessionId) =>
      room.holds(sessionId) ? Promise.resolve({ outcome: 'waiting' }) : new Promise((resolve) => listeners.set(sessionId, resolve)),
    forget: (sessionId) => void listeners.delete(sessionId),
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

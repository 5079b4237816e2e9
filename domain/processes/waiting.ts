/**
 * The requests that wait for a server: served when a fact makes room, and given up at their deadlines. Whoever has waited longest comes first.
 * However many wait, room on a server costs a question for each different requirement at most; only a certain number is placed at the same
 * time; and after so many questions others may run.
 */
import type { ServerId, SessionId } from '../ids.ts';
import type { Fleet } from '../placement/fleet.ts';
import { createQueue } from '../placement/queue.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { createAlarm } from './alarm.ts';
import type { Effects } from './effects.ts';
import { type Job, ON_TELEMETRY } from './job.ts';
import { createOffering } from './offering.ts';
import { createPump } from './pump.ts';
import type { Found } from './seeking.ts';
import { createVisits } from './visits.ts';

export interface WaitingPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly effects: Effects;
  readonly fleet: Fleet;
  seek(job: Job): Promise<Found>;
  giveUp(job: Job): Promise<unknown>;
}

export interface WaitingRoom {
  readonly size: number;
  /** Looks for a server, and again if room was made somewhere in the meantime. After `none` the next `add` misses nothing. */
  seek(job: Job): Promise<Found>;
  /** Without effect where this very one waits already. */
  add(job: Job): void;
  remove(sessionId: SessionId): void;
  /** Somebody waits whom every server would treat alike, and has waited longer. */
  has(kind: string): boolean;
  /** This very one waits. */
  holds(sessionId: SessionId): boolean;
  /** This server may take now what it could not take before. */
  wake(serverId: ServerId): void;
  stop(): void;
}

/** Telemetry is no fact and wakes nobody: whoever waits for a load to fall is looked after so often. */
const TELEMETRY_MS = 5_000;

export function createWaitingRoom(ports: WaitingPorts): WaitingRoom {
  const { clock, giveUp } = ports;
  const queue = createQueue<Job>();
  const visits = createVisits(ports);
  const offering = createOffering({ queue, visits, serve });
  const pump = createPump({ ...ports, step, rested });
  const deadline = createAlarm(clock, pump.run);
  const telemetry = createAlarm(clock, lookAtTelemetry);
  let wakes = 0;

  function step(): number {
    const late = queue.due(clock.now());
    return late === undefined ? offering.step() : leave(late);
  }

  function serve(job: Job): void {
    queue.take(job.sessionId);
    const place = async () => {
      const { outcome } = await seek(job);
      if (outcome === 'none') queue.putBack(job.sessionId);
      else queue.remove(job.sessionId);
    };
    pump.begin(`placing session ${job.sessionId}`, place, job.origin.requestId);
  }

  function leave(late: Job): number {
    queue.remove(late.sessionId);
    pump.begin(`giving up session ${late.sessionId}`, () => giveUp(late), late.origin.requestId);
    return 1;
  }

  async function seek(job: Job): Promise<Found> {
    for (;;) {
      const wakesBefore = wakes;
      const found = await ports.seek(job);
      if (found.outcome !== 'none' || wakes === wakesBefore) return found;
    }
  }

  function rested(): void {
    const next = queue.nextDeadline();
    if (next !== undefined) deadline.setFor(next);
    if (queue.heads([ON_TELEMETRY]).next().value !== undefined) telemetry.setFor(clock.now() + TELEMETRY_MS);
  }

  function lookAtTelemetry(): void {
    visits.toAll();
    pump.run();
  }

  return {
    get size() {
      return queue.size;
    },
    seek,
    add(job) {
      queue.add(job);
      rested();
    },
    remove: queue.remove,
    has: queue.has,
    holds: queue.holds,
    wake(serverId) {
      wakes += 1;
      if (queue.size === 0 || !visits.to(serverId)) return;
      pump.run();
    },
    stop() {
      pump.stop();
      deadline.cancel();
      telemetry.cancel();
    },
  };
}

/** The requests that wait for a server: served when a fact makes room, never by a poll, and given up at their deadlines. */
import type { SessionId } from '../ids.ts';
import { createQueue } from '../placement/queue.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Effects } from './effects.ts';
import type { Found, Job } from './seeking.ts';

export interface WaitingPorts {
  readonly clock: Clock;
  readonly effects: Effects;
  seek(job: Job): Promise<Found>;
  giveUp(job: Job): Promise<unknown>;
}

export interface WaitingRoom {
  readonly size: number;
  add(job: Job): void;
  remove(sessionId: SessionId): void;
  /** Somebody waits whom every server would treat alike, and has waited longer. */
  has(kind: string): boolean;
  /** This very one waits. */
  holds(sessionId: SessionId): boolean;
  /** A server may take now what it could not take before. */
  wake(): void;
  stop(): void;
}

export function createWaitingRoom({ clock, effects, seek, giveUp }: WaitingPorts): WaitingRoom {
  const queue = createQueue<Job>();
  let alarm: { readonly at: number; readonly timer: Timer } | undefined;
  let isWaking = false;
  let isWakeDue = false;

  /** One round at a time, kind by kind, until nobody can be placed; what happens meanwhile causes another round. */
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
    const { outcome } = await seek(head);
    if (outcome === 'none') return;
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
    for (const job of queue.expire(clock.now())) effects.run(`giving up session ${job.sessionId}`, () => giveUp(job));
    const next = queue.nextDeadline();
    if (next !== undefined) watch(next);
  }

  return {
    get size() {
      return queue.size;
    },
    add(job) {
      queue.add(job);
      watch(job.deadline);
    },
    remove: (sessionId) => void queue.remove(sessionId),
    has: queue.has,
    holds: queue.holds,
    wake,
    stop: () => alarm?.timer.cancel(),
  };
}

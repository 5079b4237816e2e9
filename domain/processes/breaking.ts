/**
 * Breaks the locks of brokers that have fallen silent: power cut, process stopped, network gone. The log lets go of a connection that ended at once, but of
 * one that is merely silent only after some 20 s. So whoever is refused a lock asks its holder, which it finds by the log, whether it still stands by it.
 */
import type { BrokerId } from '../ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { BreakableLocks, Hold, Lock, Locks } from '../ports/locks.ts';

export interface BreakingPorts {
  readonly locks: BreakableLocks;
  readonly clock: Clock;
  readonly self: BrokerId;
  /** The ids of all that the process of this broker holds, from itself. Rejects when it does not answer, after 2 s at most. */
  ask(broker: BrokerId): Promise<readonly string[]>;
  /** For the operator: this broker broke the lock of another one, or lost its own in that way. */
  broke(name: string, holder: BrokerId): void;
  broken(name: string): void;
}

/** Without a sign of life for so long, and in so many tries, a broker is taken for dead. One try may fail because this process stood still. */
const SILENCE_MS = 5_000;
const FAILED_TRIES = 2;
/** Who lost a lock in this way does not break it in turn for so long, lest a bad network pass it to and fro. */
const PEACE_MS = 60_000;
/** Brokers that are remembered; far more than there are. */
const REMEMBERED = 1_000;

/** What a broker last said. */
interface Sign {
  /** Milliseconds since 1970 (UTC). */
  readonly at: number;
  readonly holds: readonly string[];
  readonly failedTries: number;
}

/**
 * A hold is broken if its broker says that it has none such (an earlier process of it had, or it gave up itself), or is silent, after it once stood by
 * this very hold. So a broker that is starting, or that was never heard from here, is left to the log. And one that is alive but cannot be heard loses a lock
 * once: what it takes next it never stood by.
 */
export function createBreaking({ locks, clock, self, ask, broke, broken }: BreakingPorts): Locks {
  const signs = new Map<BrokerId, Sign>();
  const asking = new Map<BrokerId, Promise<void>>();
  /** Until when locks that this broker lost are not broken. */
  const peace = new Map<string, number>();

  async function listen(broker: BrokerId): Promise<void> {
    try {
      const holds = await ask(broker);
      signs.delete(broker);
      signs.set(broker, { at: clock.now(), holds, failedTries: 0 });
    } catch {
      const last = signs.get(broker);
      if (last !== undefined) signs.set(broker, { ...last, failedTries: last.failedTries + 1 });
    }
    const [oldest] = signs.keys();
    if (oldest !== undefined && signs.size > REMEMBERED) signs.delete(oldest);
  }

  /** However many locks it holds, one question is under way. */
  async function listenOnce(broker: BrokerId): Promise<Sign | undefined> {
    const listening = asking.get(broker) ?? listen(broker).finally(() => asking.delete(broker));
    asking.set(broker, listening);
    await listening;
    return signs.get(broker);
  }

  async function isDead({ broker, id }: Hold): Promise<boolean> {
    const sign = await listenOnce(broker);
    if (sign === undefined) return false;
    const standsByIt = sign.holds.includes(id);
    if (sign.failedTries === 0) return !standsByIt;
    return standsByIt && sign.failedTries >= FAILED_TRIES && clock.now() - sign.at >= SILENCE_MS;
  }

  function mayBreak(name: string): boolean {
    if ((peace.get(name) ?? 0) > clock.now()) return false;
    peace.delete(name);
    return true;
  }

  function keepPeace(name: string, lock: Lock | undefined): Lock | undefined {
    void lock?.over.then((end) => {
      if (end !== 'broken') return;
      peace.set(name, clock.now() + PEACE_MS);
      broken(name);
    });
    return lock;
  }

  return {
    async take(name) {
      const lock = await locks.take(name);
      if (lock !== undefined) return keepPeace(name, lock);
      const hold = mayBreak(name) ? await locks.holder(name) : undefined;
      if (hold === undefined || hold.broker === self || !(await isDead(hold))) return undefined;
      if (await locks.break(name, hold)) broke(name, hold.broker);
      return keepPeace(name, await locks.take(name));
    },
  };
}

/** Locks of a simulation: they end with the process that holds them, and may be taken away from one that does not notice yet. */
import { createMemoryLocks } from '../../adapters/memory/locks.ts';
import type { BrokerId } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { BreakableLocks, Hold, LockEnd } from '../../domain/ports/locks.ts';
import { createLife } from './life.ts';

/** As one process has them. */
export interface MortalLocks extends BreakableLocks {
  /** The process is dead: its locks are free, and it hears nothing any more. */
  die(): void;
  /** As `die`, but nobody knows it: what it holds is held until somebody breaks it. */
  fallSilent(): void;
  /** Its locks are free; it hears of that only later. */
  seize(unawareMs: number): void;
}

/** Each call gives the locks of another process. */
export function createMortalLocks(clock: Clock): (broker: BrokerId) => MortalLocks {
  const sharedBy = createMemoryLocks();

  return (broker) => {
    const locks = sharedBy(broker);
    const life = createLife();
    const held = new Map<string, Hold>();
    /** What it hears of its locks, it hears after this. */
    let unaware: Promise<void> | undefined;

    function free(): void {
      for (const [name, hold] of held) void locks.break(name, hold);
      held.clear();
    }

    async function heard(end: LockEnd): Promise<LockEnd> {
      if (unaware === undefined) return end;
      await unaware;
      return 'lost';
    }

    return {
      ...locks,
      async take(name) {
        const lock = await life.whileAlive(life.isOver ? new Promise<never>(() => undefined) : locks.take(name));
        if (lock !== undefined) held.set(name, lock.hold);
        return lock && { ...lock, over: life.whileAlive(lock.over.then(heard)) };
      },
      die() {
        life.end();
        free();
      },
      fallSilent: life.end,
      seize(unawareMs) {
        unaware = new Promise((resolve) => {
          clock.after(unawareMs, () => {
            unaware = undefined;
            resolve();
          });
        });
        free();
      },
    };
  };
}

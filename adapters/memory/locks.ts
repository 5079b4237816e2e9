/** Locks within one process: for a broker that is alone on its log, and for several in one simulation. */
import { randomUUID } from 'node:crypto';
import type { BrokerId } from '../../domain/ids.ts';
import type { BreakableLocks, Hold, Lock, LockEnd } from '../../domain/ports/locks.ts';

interface MemoryLock extends Lock {
  readonly hold: Hold;
}

export interface MemoryLocks extends BreakableLocks {
  take(name: string): Promise<MemoryLock | undefined>;
}

interface Held {
  readonly hold: Hold;
  end(how: LockEnd): void;
}

/** Each call gives them as one broker has them; all share them. */
export function createMemoryLocks(): (broker: BrokerId) => MemoryLocks {
  const held = new Map<string, Held>();

  /** It may be somebody else's by now. */
  function end(name: string, { id }: Hold, how: LockEnd): boolean {
    const found = held.get(name);
    if (found?.hold.id !== id) return false;
    found.end(how);
    return held.delete(name);
  }

  return (broker) => ({
    async take(name) {
      if (held.has(name)) return undefined;
      const hold = { broker, id: randomUUID() };
      const over = new Promise<LockEnd>((resolve) => held.set(name, { hold, end: resolve }));
      return { hold, over, release: async () => void end(name, hold, 'released') };
    },
    holder: async (name) => held.get(name)?.hold,
    break: async (name, hold) => end(name, hold, 'broken'),
    holds: () => [...held.values()].map(({ hold }) => hold).flatMap((hold) => (hold.broker === broker ? [hold.id] : [])),
  });
}

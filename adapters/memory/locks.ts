/** Locks within one process: for a broker that is alone on its log, and for several in one simulation. */
import type { Lock, Locks } from '../../domain/ports/locks.ts';

/** Everyone who is given these shares them. */
export function createMemoryLocks(): Locks {
  const held = new Map<string, Lock>();
  return {
    async take(name): Promise<Lock | undefined> {
      if (held.has(name)) return undefined;
      let end: () => void = () => undefined;
      const over = new Promise<void>((resolve) => {
        end = resolve;
      });
      const lock = {
        over,
        async release() {
          // It may be somebody else's by now.
          if (held.get(name) === lock) held.delete(name);
          end();
        },
      };
      held.set(name, lock);
      return lock;
    },
  };
}

/** Locks within one process: for a broker that is alone on its log, and for several in one simulation. */
import type { Lock, Locks } from '../../domain/ports/locks.ts';

/** Everyone who is given these shares them. */
export function createMemoryLocks(): Locks {
  const held = new Set<string>();
  return {
    async take(name): Promise<Lock | undefined> {
      if (held.has(name)) return undefined;
      held.add(name);
      let end: () => void = () => undefined;
      const over = new Promise<void>((resolve) => {
        end = resolve;
      });
      return {
        over,
        async release() {
          held.delete(name);
          end();
        },
      };
    },
  };
}

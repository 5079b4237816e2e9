/** Locks of a simulation: they end with the process that holds them, and may be taken away from one that does not notice yet. */
import type { Clock } from '../../domain/ports/clock.ts';
import type { Locks } from '../../domain/ports/locks.ts';

/** As one process has them. */
export interface MortalLocks extends Locks {
  /** The process is dead: its locks are free, and it hears nothing any more. */
  die(): void;
  /** Its locks are free; it hears of that only later. */
  seize(unawareMs: number): void;
}

/** Each call gives the locks of another process. */
export function createMortalLocks(clock: Clock): () => MortalLocks {
  const holders = new Map<string, object>();

  return () => {
    const self = {};
    const held = new Map<string, () => void>();
    let isDead = false;

    function free(): readonly (() => void)[] {
      const ends = [...held.values()];
      for (const name of held.keys()) if (holders.get(name) === self) holders.delete(name);
      held.clear();
      return ends;
    }

    return {
      async take(name) {
        if (isDead) return new Promise(() => undefined);
        if (holders.has(name)) return undefined;
        holders.set(name, self);
        let end = (): void => undefined;
        const over = new Promise<void>((resolve) => {
          end = resolve;
        });
        held.set(name, end);
        return {
          over,
          async release() {
            if (held.get(name) !== end) return;
            held.delete(name);
            holders.delete(name);
            end();
          },
        };
      },
      die() {
        isDead = true;
        free();
      },
      seize(unawareMs) {
        const ends = free();
        clock.after(unawareMs, () => {
          if (isDead) return;
          for (const end of ends) end();
        });
      },
    };
  };
}

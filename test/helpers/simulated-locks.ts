/** Locks of a simulation: they end with the process that holds them, and may be taken away from one that does not notice yet. */
import type { Clock } from '../../domain/ports/clock.ts';
import type { Locks } from '../../domain/ports/locks.ts';

export interface MortalLocks extends Locks {
  /** The process is dead: its locks are free. */
  die(): void;
  /** Its locks are free; it hears of that only later. */
  seize(unawareMs: number): void;
}

/** One for each place where a broker may run. */
export function createMortalLocks(clock: Clock): { of(place: number): MortalLocks } {
  const holders = new Map<string, number>();
  const places = new Map<number, MortalLocks>();

  function create(place: number): MortalLocks {
    let held = new Map<string, () => void>();

    function free(name: string): void {
      if (holders.get(name) === place) holders.delete(name);
    }

    return {
      async take(name) {
        if (holders.has(name)) return undefined;
        holders.set(name, place);
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
            free(name);
            end();
          },
        };
      },
      die() {
        for (const name of held.keys()) free(name);
        held = new Map();
      },
      seize(unawareMs) {
        const lost = [...held.values()];
        this.die();
        clock.after(unawareMs, () => {
          for (const end of lost) end();
        });
      },
    };
  }

  return {
    of(place) {
      const locks = places.get(place) ?? create(place);
      places.set(place, locks);
      return locks;
    },
  };
}

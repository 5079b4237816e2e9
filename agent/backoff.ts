/** How long to wait before the next try: longer after each failure, and never the same for two agents that lost their broker together. */
import type { Random } from '../domain/ports/clock.ts';

export interface Backoff {
  /** Milliseconds. */
  next(): number;
  reset(): void;
}

const START_MS = 100;
const CAP_MS = 5000;

/** Doubles from 100 ms to 5 s; half of each wait is chance. */
export function createBackoff(random: Random): Backoff {
  let base = START_MS;
  return {
    next() {
      const wait = base / 2 + (base / 2) * random.fraction();
      base = Math.min(CAP_MS, 2 * base);
      return wait;
    },
    reset() {
      base = START_MS;
    },
  };
}

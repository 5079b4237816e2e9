/** A process that is started again whenever it ends, less and less eagerly while it keeps ending. */
import type { Clock } from '../../domain/ports/clock.ts';
import type { Child, Ending } from './children.ts';

export interface Restarting {
  /** Ends the process and starts no other. */
  stop(patienceMs: number): Promise<void>;
}

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 30_000;
/** Whoever ran this long is well again: the next delay is the first one. */
const WELL_MS = 60_000;

/** `ended` hears how the process ended and after how many milliseconds it is started again. */
export function keepRunning(start: () => Child, clock: Clock, ended: (ending: Ending, delayMs: number) => void): Restarting {
  let stopped = false;
  let child = start();
  let cancelWait = (): void => undefined;
  const over = superviseUntilStopped();
  return {
    async stop(patienceMs) {
      stopped = true;
      cancelWait();
      await child.stop(patienceMs);
      await over;
    },
  };

  async function superviseUntilStopped(): Promise<void> {
    let delayMs = FIRST_DELAY_MS;
    while (!stopped) {
      const startedAt = clock.now();
      const ending = await child.ended;
      if (stopped) return;
      if (clock.now() - startedAt >= WELL_MS) delayMs = FIRST_DELAY_MS;
      ended(ending, delayMs);
      await pause(delayMs);
      if (!stopped) child = start();
      delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
    }
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(delayMs, resolve);
      cancelWait = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** Effects follow facts: each is repeated until it is done, because the fact that asked for it will not come again. */
import type { Clock } from '../ports/clock.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export interface Effects {
  /** Starts an effect. It must be harmless when done twice. A failure is told to `failed` and tried again, later and later, until `stop`. */
  run(what: string, effect: () => Promise<unknown>): void;
  /** Resolves when none is being done; those that wait to be tried again do not count. */
  idle(): Promise<void>;
  /** Gives up what is under way: a restart finds it again from what is recorded. */
  stop(): void;
}

export function createEffects(clock: Clock, failed: (what: string, error: unknown) => void): Effects {
  let running = 0;
  let isStopped = false;
  let waiters: (() => void)[] = [];

  async function attempt(what: string, effect: () => Promise<unknown>, pauseMs: number): Promise<void> {
    if (isStopped) return;
    running += 1;
    try {
      await effect();
    } catch (error) {
      if (!isStopped) failed(what, error);
      clock.after(pauseMs, () => void attempt(what, effect, Math.min(2 * pauseMs, LONGEST_PAUSE_MS)));
    }
    running -= 1;
    if (running > 0) return;
    for (const resolve of waiters) resolve();
    waiters = [];
  }

  return {
    run: (what, effect) => void attempt(what, effect, FIRST_PAUSE_MS),
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    stop() {
      isStopped = true;
    },
  };
}

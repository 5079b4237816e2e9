/** Effects follow facts: each is repeated until it is done, because the fact that asked for it will not come again. */
import type { RequestId } from '../ids.ts';
import type { Clock } from '../ports/clock.ts';
import { LogBusyError, LogFault } from '../ports/event-log.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export interface Effects {
  /**
   * Starts an effect. It must be harmless when done twice. One that fails is told of, with the request that it follows from, where there is one, and
   * tried again, later and later, until `stop`.
   */
  run(what: string, effect: () => Promise<unknown>, request?: RequestId): void;
  /** Resolves when none is being done; those that wait to be tried again do not count. */
  idle(): Promise<void>;
  /** Gives up what is under way: a restart finds it again from what is recorded. */
  stop(): void;
}

/** For the operator, who need not hear of every try, nor of everything that a log which is away holds up. */
export interface Telling {
  /** An effect has failed for the first time; because of the log only if nothing else is waiting to be tried again. */
  failed(what: string, error: unknown, request: RequestId | undefined): void;
  /** Everything that had failed is done. */
  recovered(): void;
}

interface Wanted {
  readonly what: string;
  readonly effect: () => Promise<unknown>;
  readonly request: RequestId | undefined;
}

export function createEffects(clock: Clock, { failed, recovered }: Telling): Effects {
  let running = 0;
  let failing = 0;
  let isStopped = false;
  let waiters: (() => void)[] = [];

  async function attempt(wanted: Wanted, pauseMs: number): Promise<void> {
    if (isStopped) return;
    const isFirst = pauseMs === FIRST_PAUSE_MS;
    running += 1;
    try {
      await wanted.effect();
      if (!isFirst) succeeded();
    } catch (error) {
      if (isFirst && !isStopped) tell(wanted, error);
      clock.after(pauseMs, () => void attempt(wanted, Math.min(2 * pauseMs, LONGEST_PAUSE_MS)));
    }
    running -= 1;
    if (running > 0) return;
    for (const resolve of waiters) resolve();
    waiters = [];
  }

  function tell({ what, request }: Wanted, error: unknown): void {
    const isOutage = error instanceof LogFault || error instanceof LogBusyError;
    if (failing === 0 || !isOutage) failed(what, error, request);
    failing += 1;
  }

  function succeeded(): void {
    failing -= 1;
    if (failing === 0 && !isStopped) recovered();
  }

  return {
    run: (what, effect, request) => void attempt({ what, effect, request }, FIRST_PAUSE_MS),
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    stop() {
      isStopped = true;
    },
  };
}

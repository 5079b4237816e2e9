/** Callers who wait until the read database has come as far as a position. */
import type { Position } from '../domain/facts.ts';
import type { Clock } from '../domain/ports/clock.ts';

export interface Waiting {
  /** True when `passed` gets there, false after `timeoutMs` or at the end. */
  until(position: Position, timeoutMs: number): Promise<boolean>;
  passed(position: Position): void;
  /** Nobody need wait any longer. */
  end(): void;
}

interface Waiter {
  readonly position: Position;
  settle(reached: boolean): void;
}

export function createWaiting(clock: Clock): Waiting {
  const waiters = new Set<Waiter>();
  return {
    until(position, timeoutMs) {
      return new Promise((resolve) => {
        const timer = clock.after(timeoutMs, () => waiter.settle(false));
        const waiter: Waiter = {
          position,
          settle(reached) {
            timer.cancel();
            waiters.delete(waiter);
            resolve(reached);
          },
        };
        waiters.add(waiter);
      });
    },
    passed(position) {
      for (const waiter of waiters) if (waiter.position <= position) waiter.settle(true);
    },
    end() {
      for (const waiter of waiters) waiter.settle(false);
    },
  };
}

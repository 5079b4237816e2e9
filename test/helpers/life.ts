/** Processes of a simulation that can be killed: what they were given answers no more, and nobody inside notices. */
import type { Clock } from '../../domain/ports/clock.ts';

export interface Life {
  readonly isOver: boolean;
  end(): void;
  /** Answers as `promise` does, while this life lasts. */
  whileAlive<T>(promise: Promise<T>): Promise<T>;
}

export function createLife(): Life {
  let isOver = false;
  return {
    get isOver() {
      return isOver;
    },
    end() {
      isOver = true;
    },
    whileAlive: (promise) =>
      new Promise((resolve, reject) => {
        promise.then(
          (value) => isOver || resolve(value),
          (error) => isOver || reject(error),
        );
      }),
  };
}

/** A clock whose timers do nothing any more when the life of their process is over. */
export const mortalClock = (clock: Clock, life: Life): Clock => ({
  now: clock.now,
  after: (delayMs, action) => clock.after(delayMs, () => life.isOver || action()),
});

type Methods = Record<string, (...parameters: never[]) => unknown>;

/** The same methods: after the end of `life` none is carried out, and what was asked for before is never answered. */
export function mortal<T extends object>(target: T, life: Life): T {
  const methods = Object.entries(target as Methods).map(([name, method]) => {
    const guarded = (...parameters: never[]): unknown => {
      if (life.isOver) return new Promise(() => undefined);
      const answer = method(...parameters);
      return answer instanceof Promise ? life.whileAlive(answer) : answer;
    };
    return [name, guarded];
  });
  return Object.fromEntries(methods) as T;
}

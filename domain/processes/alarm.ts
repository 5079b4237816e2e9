/** One timer that is always set to the earliest of the times it was asked for. */
import type { Clock, Timer } from '../ports/clock.ts';

export interface Alarm {
  /** Rings at `at` (milliseconds since 1970, UTC) or before; for what is past, soon. */
  setFor(at: number): void;
  cancel(): void;
}

/** After it has rung it is set for nothing. */
export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let set: { readonly at: number; readonly timer: Timer } | undefined;
  return {
    setFor(at) {
      if (set !== undefined && set.at <= at) return;
      set?.timer.cancel();
      const timer = clock.after(Math.max(0, at - clock.now()), () => {
        set = undefined;
        ring();
      });
      set = { at, timer };
    },
    cancel: () => set?.timer.cancel(),
  };
}

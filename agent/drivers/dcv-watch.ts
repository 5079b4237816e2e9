/**
 * Notices what happens to sessions without an order. A DCV server tells nobody, so it is asked again and again: often while things happen, and at rest
 * so seldom that the questions take no more than a hundredth of the time of one processor.
 */
import type { Clock, Timer } from '../../domain/ports/clock.ts';
import { messageOf } from '../thrown.ts';

export interface DcvWatch {
  /** As the driver's. */
  watch(changed: (() => void) | undefined): void;
  /** Something is going on: the next look comes soon, and so do those after it for a while. */
  stir(): void;
  /** Somebody else has looked, so that at rest there is time until the next look. */
  looked(): void;
}

/** Between the end of a look and the next one. */
const SHORTEST_MS = 2000;
const LONGEST_MS = 10_000;
/** Of the time, that looks take at rest. */
const SHARE = 0.01;
/** After something has happened the next thing is likely: a user connects to a new session. */
const LIVELY_MS = 30_000;

/** `look` gives what is to be compared. It may reject, which is a state like others. */
export function createDcvWatch(look: () => Promise<unknown>, clock: Clock): DcvWatch {
  let changed: (() => void) | undefined;
  let timer: Timer | undefined;
  let last: string | undefined;
  let livelyUntil = 0;
  let restMs = SHORTEST_MS;

  async function glance(): Promise<void> {
    const began = clock.now();
    const seen = await look().then(
      (value) => JSON.stringify(value),
      (error) => messageOf(error),
    );
    const now = clock.now();
    if (last !== undefined && last !== seen) {
      livelyUntil = now + LIVELY_MS;
      changed?.();
    }
    last = seen;
    restMs = restFor(now - began);
    if (changed !== undefined) again(now < livelyUntil ? SHORTEST_MS : restMs);
  }

  function instead(delayMs: number): void {
    if (timer === undefined) return;
    timer.cancel();
    again(delayMs);
  }

  /** The next look begins when the last is over, so that there is never more than one. */
  function again(delayMs: number): void {
    timer = clock.after(delayMs, () => {
      timer = undefined;
      void glance();
    });
  }

  return {
    watch(action) {
      const isOn = changed !== undefined;
      changed = action;
      if (action === undefined) {
        timer?.cancel();
        timer = undefined;
      } else if (!isOn) again(SHORTEST_MS);
    },
    stir() {
      livelyUntil = clock.now() + LIVELY_MS;
      instead(SHORTEST_MS);
    },
    looked() {
      if (clock.now() >= livelyUntil) instead(restMs);
    },
  };
}

function restFor(tookMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, tookMs / SHARE));
}

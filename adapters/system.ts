/** The real clock and the real randomness. Only composition roots import this; everything else is given the ports. */
import { randomUUID } from 'node:crypto';
import type { Clock, Random, Timer } from '../domain/ports/clock.ts';

/** The longest delay that Node's timers can count; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** Delays are measured by the monotonic clock: they neither stretch nor shrink when the wall clock is set. */
export const systemClock: Clock = { now: () => Date.now(), after: startTimer };

export const systemRandom: Random = { uuid: () => randomUUID(), fraction: () => Math.random() };

function startTimer(delayMs: number, action: () => void): Timer {
  let handle: NodeJS.Timeout;
  const wait = (remainingMs: number): void => {
    const stepMs = Math.min(remainingMs, LONGEST_DELAY_MS);
    handle = setTimeout(() => (remainingMs > stepMs ? wait(remainingMs - stepMs) : action()), stepMs);
    handle.unref();
  };
  wait(delayMs);
  return { cancel: () => clearTimeout(handle) };
}

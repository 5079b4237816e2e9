/** A clock whose time passes only when it is told to, and a generator that repeats itself for the same seed. */
import type { Clock, Random, Timer } from '../../domain/ports/clock.ts';

export interface SimulatedClock extends Clock {
  /** Lets `ms` pass: timers run at their times, in order, and `settle` is awaited after each. */
  advance(ms: number, settle?: () => Promise<void>): Promise<void>;
  /** Somebody sets the clock, by `ms` forward or back. Timers do not care. */
  set(ms: number): void;
}

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
  isCancelled: boolean;
}

export function createSimulatedClock(start = Date.UTC(2026, 0, 1)): SimulatedClock {
  const heap: Alarm[] = [];
  let now = start;
  let order = 0;
  let ahead = 0;

  function after(delayMs: number, action: () => void): Timer {
    const alarm: Alarm = { at: now + Math.max(0, Math.ceil(delayMs)), order, action, isCancelled: false };
    order += 1;
    push(heap, alarm);
    return {
      cancel: () => {
        alarm.isCancelled = true;
      },
    };
  }

  async function advance(ms: number, settle: () => Promise<void> = turn): Promise<void> {
    const end = now + ms;
    await settle();
    for (let next = heap[0]; next !== undefined && next.at <= end; next = heap[0]) {
      pop(heap);
      if (next.isCancelled) continue;
      now = Math.max(now, next.at);
      next.action();
      await settle();
    }
    now = end;
  }

  return {
    now: () => now + ahead,
    after,
    advance,
    set(ms) {
      ahead += ms;
    },
  };
}

/** Lets everything that is ready run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const isBefore = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A binary heap: a simulated day holds millions of timers. */
function push(heap: Alarm[], alarm: Alarm): void {
  let place = heap.length;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent] as Alarm;
    if (!isBefore(alarm, above)) break;
    heap[place] = above;
    place = parent;
  }
  heap[place] = alarm;
}

function pop(heap: Alarm[]): void {
  const last = heap.pop() as Alarm;
  if (heap.length === 0) return;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as Alarm)) child += 1;
    const below = heap[child];
    if (below === undefined || !isBefore(below, last)) break;
    heap[place] = below;
    place = child;
  }
  heap[place] = last;
}

/** Mulberry32: small, fast, and good enough to shuffle a fleet. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const hex = (digits: number): string =>
    Math.floor(fraction() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  const uuid = (): string => `${hex(8)}-${hex(4)}-4${hex(3)}-${(8 + Math.floor(fraction() * 4)).toString(16)}${hex(3)}-${hex(8)}${hex(4)}`;
  return { fraction, uuid };
}

/** How long the read models have been behind the log. A look once a second is enough to know it to the second, and costs writers nothing. */
import type { Position } from '../../domain/facts.ts';
import type { Clock, Timer } from '../../domain/ports/clock.ts';

export interface LagPorts {
  readonly clock: Clock;
  /** How far the log is known to go, and how far the read models have come. */
  known(): Position;
  reached(): Position;
}

export interface Lag {
  /** How long the oldest fact that was seen to be missing has been missing; 0 where none is. */
  seconds(): number;
  stop(): void;
}

const LOOK_MS = 1_000;

export function startLag({ clock, known, reached }: LagPorts): Lag {
  let sample = { position: known(), time: clock.now() };
  let timer: Timer | undefined;

  function look(): void {
    if (reached() >= sample.position) sample = { position: known(), time: clock.now() };
    timer = clock.after(LOOK_MS, look);
  }

  look();
  return {
    seconds: () => (reached() >= sample.position ? 0 : Math.max(0, clock.now() - sample.time) / 1000),
    stop: () => timer?.cancel(),
  };
}

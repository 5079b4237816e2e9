/** Much work in small steps: after so many of them others may run, and only so many effects are under way at the same time. */
import type { RequestId } from '../ids.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Effects } from './effects.ts';

export interface PumpPorts {
  readonly clock: Clock;
  readonly effects: Effects;
  /** Does one thing and says what it cost; 0: there is nothing to do. */
  step(): number;
  /** There is nothing to do. */
  rested?(): void;
}

export interface Pump {
  /** Goes on until nothing is left to do, enough is under way, or others ought to run. */
  run(): void;
  /** An effect that a step starts. When it has ended the pump goes on. */
  begin(what: string, effect: () => Promise<unknown>, request?: RequestId): void;
  stop(): void;
}

/** Effects under way. */
const MOST_UNDER_WAY = 32;
/** Without a pause: with questions to single servers, about a millisecond. */
const MOST_COST = 1_000;

export function createPump({ clock, effects, step, rested }: PumpPorts): Pump {
  let pause: Timer | undefined;
  let underWay = 0;

  function run(): void {
    if (pause !== undefined) return;
    let cost = 0;
    while (underWay < MOST_UNDER_WAY && cost < MOST_COST) {
      const more = step();
      if (more === 0) break;
      cost += more;
    }
    if (cost >= MOST_COST) pause = clock.after(0, resume);
    else if (underWay < MOST_UNDER_WAY) rested?.();
  }

  function resume(): void {
    pause = undefined;
    run();
  }

  return {
    run,
    begin(what, effect, request) {
      underWay += 1;
      const all = async () => {
        await effect();
        underWay -= 1;
        run();
      };
      effects.run(what, all, request);
    },
    stop: () => pause?.cancel(),
  };
}

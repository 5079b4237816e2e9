/** Whatever takes time without a clock, such as a disk, takes turns here: one piece of work at a time, in an order that is drawn from a seed. */
import { createSeededRandom, turn } from './simulated-clock.ts';

export interface Turns {
  /** Does this work when its turn has come. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Takes up to so many turns, fewer if nothing is left to be done. */
  take(most: number): Promise<void>;
  /** An integer, at least 0 and below `bound`, from the same seed. */
  draw(bound: number): number;
}

/** Seed 0 draws nothing but zeros: first come, first served. */
export function createTurns(seed: number): Turns {
  const random = createSeededRandom(seed);
  const waiting: (() => Promise<unknown>)[] = [];
  const draw = (bound: number): number => (seed === 0 ? 0 : Math.floor(random.fraction() * bound));
  return {
    draw,
    run: (work) =>
      new Promise((resolve, reject) => {
        waiting.push(() => work().then(resolve, reject));
      }),
    async take(most) {
      await quiet();
      for (let taken = 0; taken < most && waiting.length > 0; taken += 1) {
        const [next] = waiting.splice(draw(waiting.length), 1);
        await next?.();
        await quiet();
      }
    },
  };
}

/** Until everything that is ready has run, and what that left for the next round of the event loop. */
async function quiet(): Promise<void> {
  await turn();
  await turn();
}

/** Chance that repeats itself: the same seed gives the same numbers, so that a simulated host behaves alike on every run. */

/** Numbers from 0 to below 1 by a linear congruential generator (modulus 2^32); good enough to vary waiting times. */
export function createSeededFraction(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

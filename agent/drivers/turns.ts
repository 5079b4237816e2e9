/** Work that takes turns: so much at a time, so much may wait, in the order in which it came. */

/** Runs `work` when it is its turn, or throws what `refusal` gives when too much is waiting. */
export type InTurn = <T>(work: () => Promise<T>, refusal: () => Error) => Promise<T>;

export function createTurns(atOnce: number, maxWaiting: number): InTurn {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function turn(refusal: () => Error): Promise<void> {
    if (running < atOnce) {
      running += 1;
      return;
    }
    if (waiting.length >= maxWaiting) throw refusal();
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The turn is handed on, so that nobody comes in between. */
  function done(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return async (work, refusal) => {
    await turn(refusal);
    try {
      return await work();
    } finally {
      done();
    }
  };
}

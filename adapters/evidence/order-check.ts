/** Whether facts stand in the order in which they were sealed, from checkpoint to checkpoint. */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import { CHECKPOINTS, type Checkpoint, orderOf } from './checkpoint.ts';
import type { Fault } from './fault.ts';

export interface OrderCheck {
  /** `advance` comes before the next fact. */
  readonly isDue: boolean;
  /** Fetches the checkpoint that the next facts are compared with. */
  advance(): Promise<void>;
  /** Facts come in the order of the log. `link`: the hash a fact goes by. `isFaulty`: something else is wrong with it, and has been said. */
  check(fact: RecordedFact, link: string, isFaulty: boolean): Fault | undefined;
}

/** Far more than any checkpoint seals: its last fact will not come any more. */
const MOST_FACTS = 100_000;

/** `checkpoints`: those that count, in order. */
export function createOrderCheck(checkpoints: AsyncIterator<Checkpoint, undefined>): OrderCheck {
  let current: Checkpoint | undefined;
  let isDue = true;
  let hashes: string[] = [];
  let first: Position = 0;
  /** False where it is not known where the stretch began, or when something in it is known to be wrong. */
  let isClean = true;
  let expected = 0;

  function close(fact: RecordedFact, { number, facts, previous, order }: Checkpoint): Fault | undefined {
    isDue = true;
    const isRight = hashes.length === facts && orderOf(previous, hashes) === order;
    return !isClean || isRight ? undefined : disordered(number, first, fact);
  }

  return {
    get isDue() {
      return isDue;
    },
    async advance() {
      current = (await checkpoints.next()).value;
      // Behind a checkpoint that does not count, or whose last fact is gone, the stretch begins somewhere unknown.
      isClean = current?.number === expected;
      expected = (current?.number ?? expected) + 1;
      hashes = [];
      isDue = false;
    },
    check(fact, link, isFaulty) {
      if (current === undefined) return undefined;
      if (hashes.length === 0) first = fact.position;
      hashes.push(link);
      if (isFaulty) isClean = false;
      const { stream, revision } = fact;
      if (stream === current.last.stream && revision === current.last.revision) return close(fact, current);
      const isPast = (stream === CHECKPOINTS && revision >= current.number) || hashes.length > MOST_FACTS;
      if (isPast) [isDue, expected] = [true, -1];
      return undefined;
    },
  };
}

function disordered(checkpoint: number, first: Position, { position }: RecordedFact): Fault {
  const message = `The facts at positions ${first} to ${position} are not those, or not in the order, that checkpoint ${checkpoint} sealed.`;
  return { fault: 'reordered', position: first, checkpoint, message };
}

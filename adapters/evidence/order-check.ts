/** Whether facts stand in the order in which they were sealed, from checkpoint to checkpoint. */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { CHECKPOINTS, type Checkpoint, orderOf } from './checkpoint.ts';
import type { Fault } from './fault.ts';
import { factAt } from './reading.ts';
import type { Removals } from './removals.ts';

export interface OrderCheck {
  /** `advance` comes before the next fact. */
  readonly isDue: boolean;
  /** Fetches the checkpoint that the next facts are compared with. */
  advance(): Promise<void>;
  /** Facts come in the order of the log. `link`: the hash a fact goes by. `isFaulty`: something else is wrong with it, and has been said. */
  check(fact: RecordedFact, link: string, isFaulty: boolean): Disorder | undefined;
  /** A disorder is no fault of its own where facts are gone: what is left has no order that anybody sealed. */
  judge(disorder: Disorder): Promise<Fault | undefined>;
  /** Checkpoints whose order could not be looked at for that reason. */
  readonly unknown: number;
}

/** A stretch that is not as its checkpoint sealed it. */
export interface Disorder {
  readonly checkpoint: Checkpoint;
  /** Positions. */
  readonly first: Position;
  readonly last: Position;
  /** All of what was sealed has come by, as far as numbers tell. */
  readonly isWhole: boolean;
}

/** Far more than any checkpoint seals: its last fact will not come any more. */
const MOST_FACTS = 100_000;

/** `checkpoints`: those that count, in order. */
export function createOrderCheck(
  checkpoints: AsyncIterator<Checkpoint, undefined>,
  reader: Pick<LogReader, 'readStream'>,
  removals: Removals,
): OrderCheck {
  let current: Checkpoint | undefined;
  let isDue = true;
  let hashes: string[] = [];
  let first: Position = 0;
  /** False where it is not known where the stretch began, or when something in it is known to be wrong. */
  let isClean = true;
  let expected = 0;
  let unknown = 0;

  function close({ position }: RecordedFact, checkpoint: Checkpoint): Disorder | undefined {
    isDue = true;
    const isRight = hashes.length === checkpoint.facts && orderOf(checkpoint.previous, hashes) === checkpoint.order;
    return !isClean || isRight ? undefined : { checkpoint, first, last: position, isWhole: hashes.length >= checkpoint.facts };
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
      // A checkpoint stands behind all that it seals.
      const isPast = stream === CHECKPOINTS && revision >= current.number;
      if (!isPast && hashes.length <= MOST_FACTS) return undefined;
      [isDue, expected] = [true, -1];
      return isClean ? { checkpoint: current, first, last: fact.position, isWhole: false } : undefined;
    },
    async judge(disorder) {
      const { checkpoint, isWhole } = disorder;
      const heads = isWhole ? [] : checkpoint.heads;
      for (const [stream, revision] of heads) {
        if ((await factAt(reader, stream, revision)) !== undefined) continue;
        // Where no note says why, its stream does.
        if (await removals.cover(stream, revision)) unknown += 1;
        return undefined;
      }
      return disordered(disorder);
    },
    get unknown() {
      return unknown;
    },
  };
}

function disordered({ checkpoint: { number }, first, last }: Disorder): Fault {
  const message = `The facts at positions ${first} to ${last} are not those, or not in the order, that checkpoint ${number} sealed.`;
  return { fault: 'reordered', position: first, checkpoint: number, message };
}

/** The newest facts of a log in memory, so that whoever follows it closely needs no disk. */
import type { Position, RecordedFact } from '../domain/facts.ts';

export interface Recent {
  /** Adds the facts that follow those already here. */
  add(facts: readonly RecordedFact[]): void;
  /** Up to `limit` facts behind `after`; undefined when some of them may no longer be here. */
  behind(after: Position, limit: number): readonly RecordedFact[] | undefined;
  /** Forgets everything: what follows is complete only behind `position`. */
  restart(position: Position): void;
}

/** Keeps the last `capacity` facts at least and twice as many at most, which makes forgetting cheap. */
export function createRecent(capacity: number, start: Position): Recent {
  let facts: RecordedFact[] = [];
  let completeBehind = start;
  return {
    add(newer) {
      facts.push(...newer);
      if (facts.length > 2 * capacity) {
        for (const { position } of facts.splice(0, facts.length - capacity)) {
          completeBehind = position;
        }
      }
    },
    behind(after, limit) {
      if (after < completeBehind) {
        return undefined;
      }
      const first = indexBehind(facts, after);
      return facts.slice(first, first + limit);
    },
    restart(position) {
      facts = [];
      completeBehind = position;
    },
  };
}

/** The index of the first fact behind `after`, by halving; the length when there is none. */
export function indexBehind(facts: readonly RecordedFact[], after: Position): number {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    // Between 0 and the length, so the fact is there; the compiler cannot know.
    if ((facts[middle] as RecordedFact).position > after) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

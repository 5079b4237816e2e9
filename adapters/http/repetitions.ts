/**
 * Keeps what is said again and again from flooding the log: of lines that are alike the first is written, and a minute later how many more there were.
 * In a minute no more than so many different ones are told apart.
 */
import type { Clock } from '../../domain/ports/clock.ts';

export interface RepetitionOptions {
  readonly clock: Clock;
  /** Writes a line again that has come so many more times. */
  repeated(line: object, times: number): void;
  /** So many have come that could not be told apart from each other any more. */
  omitted(times: number): void;
}

const WINDOW_MS = 60_000;
const MOST_TOLD_APART = 1000;

/** Whether this line, which is like all others with this key, is to be written now. */
export type IsNew = (key: string, line: object) => boolean;

export function createRepetitions({ clock, repeated, omitted }: RepetitionOptions): IsNew {
  const times = new Map<string, number>();
  let more = 0;

  function omit(): void {
    if (more === 0) {
      clock.after(WINDOW_MS, () => {
        omitted(more);
        more = 0;
      });
    }
    more += 1;
  }

  return (key, line) => {
    const before = times.get(key);
    if (before !== undefined) times.set(key, before + 1);
    else if (times.size >= MOST_TOLD_APART) omit();
    else {
      times.set(key, 0);
      clock.after(WINDOW_MS, () => {
        const count = times.get(key) ?? 0;
        times.delete(key);
        if (count > 0) repeated(line, count);
      });
      return true;
    }
    return false;
  };
}

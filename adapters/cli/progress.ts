/** How far something long has come, a run along a log above all: one line on a terminal, written over several times a second; nothing where nobody looks. */
import type { Position } from '../../domain/facts.ts';

export interface Progress {
  /** So many facts are done, up to this position of the log. */
  at(position: Position, facts: number): void;
  /** Takes the line away. */
  end(): void;
}

export interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const INTERVAL_MS = 200;
const CLEAR_LINE = '\r\u001b[K';

/** `doing`: `Reading`. `head` is where the log ends. */
export function createProgress(doing: string, head: Position, screen: Screen = process.stderr): Progress {
  const line = createStatusLine(screen);
  const startedAt = performance.now();
  let shownAt = startedAt;
  return {
    at(position, facts) {
      const now = performance.now();
      if (now - shownAt < INTERVAL_MS) return;
      shownAt = now;
      const rate = (facts * 1000) / (now - startedAt);
      const share = Math.min(100, Math.floor((100 * position) / head));
      line.say(`${doing}: ${share} %, ${counted(facts)} facts, ${counted(rate)} facts/s, position ${position} of ${head}`);
    },
    end: line.end,
  };
}

export interface StatusLine {
  say(text: string): void;
  /** Takes the line away. */
  end(): void;
}

/** What is being waited for, in a line that is written over; nothing where nobody looks. */
export function createStatusLine(screen: Screen = process.stderr): StatusLine {
  if (screen.isTTY !== true) return { say: () => undefined, end: () => undefined };
  return {
    say: (text) => void screen.write(`${CLEAR_LINE}${text}`),
    end: () => void screen.write(CLEAR_LINE),
  };
}

/** `1,234,567`. */
export const counted = (number: number): string => Math.round(number).toLocaleString('en');

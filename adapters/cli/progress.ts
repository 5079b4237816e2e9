/** How far a long run along a log has come: one line on a terminal, written over several times a second; nothing where nobody looks. */
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
  if (screen.isTTY !== true) return { at: () => undefined, end: () => undefined };
  const startedAt = performance.now();
  let shownAt = startedAt;
  return {
    at(position, facts) {
      const now = performance.now();
      if (now - shownAt < INTERVAL_MS) return;
      shownAt = now;
      const rate = (facts * 1000) / (now - startedAt);
      const share = Math.min(100, Math.floor((100 * position) / head));
      screen.write(`${CLEAR_LINE}${doing}: ${share} %, ${counted(facts)} facts, ${counted(rate)} facts/s, position ${position} of ${head}`);
    },
    end: () => void screen.write(CLEAR_LINE),
  };
}

/** `1,234,567`. */
export const counted = (number: number): string => Math.round(number).toLocaleString('en');

/** Attempts that are only counted: how many since when, and with which codes. */
import type { AttemptEvent } from '../../domain/attempt/events.ts';

export type Omission = Extract<AttemptEvent, { type: 'attempt.omitted' }>['data'];

export interface Omissions {
  add(omission: Omission): void;
  /** What came together since it was last taken; undefined: nothing. */
  take(): Omission | undefined;
}

/** One attempt, at this time in milliseconds. */
export const omissionOf = (code: string, time: number): Omission => ({ count: 1, from: time, to: time, codes: { [code]: 1 } });

export function createOmissions(): Omissions {
  let total: Omission | undefined;
  return {
    add(omission) {
      total = total === undefined ? omission : sum(total, omission);
    },
    take() {
      const taken = total;
      total = undefined;
      return taken;
    },
  };
}

/** Codes are those of rejections and problems: few, and none of a caller's making. */
function sum(one: Omission, other: Omission): Omission {
  const codes: Record<string, number> = { ...one.codes };
  for (const [code, count] of Object.entries(other.codes)) codes[code] = (codes[code] ?? 0) + count;
  return { count: one.count + other.count, from: Math.min(one.from, other.from), to: Math.max(one.to, other.to), codes };
}

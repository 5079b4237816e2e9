/** A moment in the past as people write it: a time, or a position in the log. */
import type { Position } from '../../domain/facts.ts';
import type { Until } from '../../projections/replay.ts';

export const AS_OF_FORM = 'a time such as 2026-01-15T09:30:00Z, or a position in the log';

/** A date is its beginning in UTC; a time has to say its zone. */
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/** Undefined for anything else. */
export function readAsOf(wish: unknown): Until | undefined {
  if (typeof wish === 'number') return positionOf(wish);
  if (typeof wish !== 'string') return undefined;
  if (/^\d+$/.test(wish)) return positionOf(Number(wish));
  const time = TIME.test(wish) ? Date.parse(wish) : Number.NaN;
  return Number.isNaN(time) ? undefined : { time };
}

const positionOf = (position: number): Until | undefined => (Number.isSafeInteger(position) && position >= 0 ? { position } : undefined);

/** It has not come yet. The message is a clause. */
export class AsOfError extends Error {
  override readonly name = 'AsOfError';
}

/** Throws AsOfError for a moment behind the end of the log, or behind `now`. */
export function refuseFuture(until: Until, head: Position, now: number): void {
  if ('position' in until && until.position > head) throw new AsOfError(`the log ends at position ${head}`);
  if ('time' in until && until.time > now) throw new AsOfError('this time has not come yet');
}

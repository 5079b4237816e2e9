/** How many attempts are recorded one by one: a burst at once, and then so many a minute; for each source and for all together. */
import { LRUCache } from 'lru-cache';

export interface Rate {
  readonly burst: number;
  readonly perMinute: number;
}

export interface AllowanceLimits {
  readonly each: Rate;
  readonly all: Rate;
  /** Sources that are remembered; one that is forgotten begins anew, within what all may. */
  readonly sources: number;
}

export interface Allowance {
  /** Whether this source may, at this time in milliseconds; if so, it counts. */
  take(source: string, now: number): boolean;
}

export function createAllowance({ each, all, sources }: AllowanceLimits): Allowance {
  const buckets = new LRUCache<string, Bucket>({ max: sources });
  const common = createBucket(all);
  return {
    take(source, now) {
      const own = buckets.get(source) ?? createBucket(each);
      buckets.set(source, own);
      return own.has(now) && common.has(now) && own.take() && common.take();
    },
  };
}

interface Bucket {
  has(now: number): boolean;
  /** Takes one; there must be one. */
  take(): true;
}

function createBucket({ burst, perMinute }: Rate): Bucket {
  let left = burst;
  let filled: number | undefined;
  return {
    has(now) {
      // A clock that is set back gives nothing.
      const minutes = Math.max(0, now - (filled ?? now)) / 60_000;
      left = Math.min(burst, left + minutes * perMinute);
      filled = now;
      return left >= 1;
    },
    take() {
      left -= 1;
      return true;
    },
  };
}

/** Token buckets: how often somebody may do something, for many somebodies in bounded memory. */
import { LRUCache } from 'lru-cache';

export interface Throttle {
  /** Takes one of the tokens of `key`. Gives 0, or the seconds after which there is one again. */
  take(key: string): number;
  /** Puts one back: what it was taken for turned out to be harmless. */
  give(key: string): void;
}

export interface ThrottleOptions {
  /** Tokens that come back in a second. */
  readonly perSecond: number;
  /** Tokens of whoever has not come for a while. */
  readonly burst: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How many keys are remembered, some 0.2 KB each. Whoever has not come for the longest time is forgotten first, and begins anew. */
  readonly keys?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const KEYS = 20_000;

export function createThrottle({ perSecond, burst, now, keys = KEYS }: ThrottleOptions): Throttle {
  const buckets = new LRUCache<string, Bucket>({ max: keys });

  function bucketOf(key: string): Bucket {
    const time = now();
    const found = buckets.get(key) ?? { tokens: burst, at: time };
    // The clock may have been set back.
    const seconds = Math.max(0, time - found.at) / 1000;
    const bucket = { tokens: Math.min(burst, found.tokens + seconds * perSecond), at: time };
    buckets.set(key, bucket);
    return bucket;
  }

  return {
    take(key) {
      const bucket = bucketOf(key);
      if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perSecond);
      bucket.tokens -= 1;
      return 0;
    },
    give(key) {
      const bucket = bucketOf(key);
      bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
  };
}

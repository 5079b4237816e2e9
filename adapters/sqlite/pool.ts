/** A few things that many share, each with one user at a time; who comes first is served first. */

/** Users who may wait. More than that are turned away: by then the first of them have given up. */
const WAITING_LIMIT = 10_000;

export interface Pool<T> {
  /** Rejects when too many wait already. */
  acquire(): Promise<T>;
  release(item: T): void;
}

export function createPool<T>(items: readonly T[]): Pool<T> {
  const free = [...items];
  const waiting: ((item: T) => void)[] = [];
  return {
    async acquire() {
      const item = free.pop();
      if (item !== undefined) return item;
      if (waiting.length >= WAITING_LIMIT) throw new Error('Too many queries are waiting for the read database.');
      return new Promise((resolve) => waiting.push(resolve));
    },
    release(item) {
      const next = waiting.shift();
      if (next) next(item);
      else free.push(item);
    },
  };
}

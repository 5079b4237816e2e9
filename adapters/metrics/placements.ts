/** How long sessions took from their request to their server, by the times of the facts. It hears facts and has no effects. */
import { LRUCache } from 'lru-cache';
import type { Process } from '../../domain/processes/process.ts';

/** Requests whose placement has not been heard of. Beyond these the oldest are not measured. */
const MOST_REMEMBERED = 10_000;

/** Sessions that were asked for before the broker started are not measured. */
export function observePlacements(placed: (seconds: number) => void): Process {
  const requested = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  return {
    session(id, { type, time }) {
      if (type === 'session.requested') requested.set(id, time);
      else if (type === 'session.placed') {
        const since = requested.get(id);
        if (since !== undefined) placed(Math.max(0, time - since) / 1000);
        requested.delete(id);
      } else if (type === 'session.refused' || type === 'session.deleted') requested.delete(id);
    },
  };
}

/** Following a log that has archives: the past comes in pages in which they have their places, and from its head on the log tells by itself. */
import type { Position } from '../../domain/facts.ts';
import type { Deliver, LogReader, Subscription } from '../../domain/ports/event-log.ts';

/** The most facts of one delivery. */
const DELIVERY_LIMIT = 500;

interface Following {
  readonly after: Position;
  readonly deliver: Deliver;
  readonly failed: (error: Error) => void;
}

export function subscribeFrom(log: LogReader, readAll: LogReader['readAll'], { after, deliver, failed }: Following): Subscription {
  let isStopped = false;
  let live: Subscription | undefined;

  async function run(): Promise<void> {
    const head = await log.head();
    let cursor = after;
    while (cursor < head && !isStopped) {
      const facts = await readAll(cursor, DELIVERY_LIMIT);
      if (isStopped) return;
      if (facts.length > 0) await deliver(facts);
      cursor = facts.at(-1)?.position ?? head;
    }
    if (!isStopped) live = log.subscribe(cursor, deliver, failed);
  }

  const begun = run().catch((error: Error) => failed(error));
  return {
    async stop() {
      isStopped = true;
      await begun;
      await live?.stop();
    },
  };
}

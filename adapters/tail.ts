/**
 * Subscriptions to a log, whatever it is stored in. Each is one loop that pulls with a cursor: from memory if the cursor is within the
 * newest facts, from storage if it is further back, and when it has reached the head it waits for the next commit. There is no
 * moment of change from old facts to new ones, hence none at which one could be lost or come twice.
 */
import type { Position, RecordedFact } from '../domain/facts.ts';
import { type Deliver, LogFault, type Subscription } from '../domain/ports/event-log.ts';
import { createRecent } from './recent.ts';

/** The most facts of one delivery. */
const DELIVERY_LIMIT = 500;

export interface Tail {
  /** The position of the newest acknowledged fact. */
  head(): Position;
  /** These facts, at least one, were acknowledged and follow the head. */
  committed(facts: readonly RecordedFact[]): void;
  /** The head is elsewhere than it seemed, for instance after a commit of unknown outcome. */
  moved(head: Position): void;
  /** The log is lost for good: all subscriptions fail, and so do those that come later. */
  lost(error: LogFault): void;
  subscribe(after: Position, deliver: Deliver, failed: (error: Error) => void): Subscription;
  /** Stops all subscriptions; those that come later fail. */
  close(): Promise<void>;
}

export interface TailOptions {
  readonly head: Position;
  /** How many of the newest facts stay in memory (up to twice as many for a while). */
  readonly recentFacts: number;
  /** Reads up to `limit` acknowledged facts behind `after` from storage. */
  readonly page: (after: Position, limit: number) => Promise<readonly RecordedFact[]>;
}

export function createTail(options: TailOptions): Tail {
  let { head } = options;
  /** Why no subscription goes on. */
  let end: LogFault | undefined;
  const recent = createRecent(options.recentFacts, head);
  const sleepers = new Set<() => void>();
  const subscriptions = new Set<Subscription>();

  function moveTo(position: Position): void {
    head = position;
    wakeAll();
  }

  function wakeAll(): void {
    for (const wake of sleepers) {
      wake();
    }
    sleepers.clear();
  }

  /** One turn of the loop: what is behind the cursor, or nothing after a sleep that ended with news. */
  async function next(cursor: Position, sleep: () => Promise<void>): Promise<readonly RecordedFact[]> {
    if (end) {
      throw end;
    }
    if (cursor >= head) {
      await sleep();
      return [];
    }
    const facts = recent.behind(cursor, DELIVERY_LIMIT) ?? (await options.page(cursor, DELIVERY_LIMIT));
    if (facts.length === 0) {
      throw new LogFault(`The log holds nothing behind position ${cursor}, although its head is at ${head}.`);
    }
    return facts;
  }

  return {
    head: () => head,
    committed(facts) {
      recent.add(facts);
      moveTo(lastPosition(facts, head));
    },
    moved(position) {
      recent.restart(position);
      moveTo(position);
    },
    lost(error) {
      end ??= error;
      wakeAll();
    },
    subscribe(after, deliver, failed) {
      const loop = createLoop(after, deliver, { next, sleepers });
      const over = loop
        .run()
        .catch((error: unknown) => failed(error instanceof Error ? error : new Error(String(error))))
        .finally(() => subscriptions.delete(subscription));
      const subscription = {
        stop() {
          loop.end();
          return over;
        },
      };
      subscriptions.add(subscription);
      return subscription;
    },
    async close() {
      end ??= new LogFault('The log is closed.');
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
    },
  };
}

interface Source {
  readonly next: (cursor: Position, sleep: () => Promise<void>) => Promise<readonly RecordedFact[]>;
  readonly sleepers: Set<() => void>;
}

function createLoop(after: Position, deliver: Deliver, { next, sleepers }: Source) {
  let cursor = after;
  let ended = false;
  let wake: (() => void) | undefined;

  function sleep(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve;
      sleepers.add(resolve);
    });
  }

  return {
    async run(): Promise<void> {
      // The caller has its subscription in hand before the first delivery.
      await undefined;
      while (!ended) {
        const facts = await next(cursor, sleep);
        if (!ended && facts.length > 0) {
          await deliver(facts);
        }
        cursor = lastPosition(facts, cursor);
      }
    },
    end(): void {
      ended = true;
      if (wake) {
        sleepers.delete(wake);
        wake();
      }
    },
  };
}

/** The position of the last of these facts, or `otherwise` if there are none. */
function lastPosition(facts: readonly RecordedFact[], otherwise: Position): Position {
  return facts.at(-1)?.position ?? otherwise;
}

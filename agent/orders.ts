/**
 * When orders are carried out: one at a time for one session, a few sessions at once, none twice, and none whose outcome could not be kept.
 * What the host would not do now is tried again later.
 */
import type { SessionId } from '../domain/ids.ts';
import type { Order } from '../domain/ports/agent-link.ts';
import type { Timer } from '../domain/ports/clock.ts';
import type { ScreenshotOutcome } from './broker-link.ts';
import { createPictures } from './pictures.ts';
import { carryOut, type SessionOrder, type SessionOrderDeps } from './session-orders.ts';

export interface Orders {
  accept(order: Order): void;
  /** Sessions whose creation waits or is under way. */
  inProgress(): readonly SessionId[];
  /** To be called when the outbox has become emptier. */
  resume(): void;
  /** Resolves when what is under way is done; what waits is given up. */
  stop(): Promise<void>;
}

interface OrdersDeps extends SessionOrderDeps {
  deliver(orderId: string, outcome: ScreenshotOutcome): void;
}

/** Sessions that are worked on at the same time. */
const AT_ONCE = 4;
/** Beyond this orders are refused: the broker sends them again on the next connection. */
const WAITING = 10_000;
/** Until what could not be done is tried again. The broker sends its order again on the next connection only. */
const LATER_MS = 30_000;

export function createOrders(deps: OrdersDeps): Orders {
  const { outbox, clock, log } = deps;
  const pictures = createPictures(deps.driver, deps.deliver);
  const waiting = new Map<string, SessionOrder>();
  const running = new Map<SessionId, { readonly order: SessionOrder; readonly done: Promise<void> }>();
  /** Of the orders of a kind for a session only the newest still counts. */
  const postponed = new Map<string, Timer>();
  let stopped = false;

  function resume(): void {
    for (const order of waiting.values()) {
      if (running.size >= AT_ONCE || !outbox.hasRoom(running.size + 1)) return;
      if (!running.has(order.sessionId)) begin(order);
    }
  }

  function begin(order: SessionOrder): void {
    waiting.delete(order.orderId);
    log.info({ orderId: order.orderId }, 'order begun');
    running.set(order.sessionId, { order, done: finish(order) });
  }

  async function finish(order: SessionOrder): Promise<void> {
    const outcome = await carryOut(order, deps);
    running.delete(order.sessionId);
    if (outcome === 'later' && !stopped) postpone(order);
    resume();
  }

  function postpone(order: SessionOrder): void {
    for (const other of waiting.values()) if (subjectOf(other) === subjectOf(order)) return;
    const timer = clock.after(LATER_MS, () => accept(order));
    postponed.set(subjectOf(order), timer);
  }

  function accept(order: SessionOrder): void {
    postponed.get(subjectOf(order))?.cancel();
    postponed.delete(subjectOf(order));
    if (waiting.has(order.orderId) || running.get(order.sessionId)?.order.orderId === order.orderId) return;
    if (waiting.size >= WAITING) {
      log.warn({ orderId: order.orderId }, 'an order is refused because too many are waiting');
      return;
    }
    waiting.set(order.orderId, order);
    if (!outbox.hasRoom(running.size + 1)) log.warn({ orderId: order.orderId }, 'an order waits because the outbox is full');
    resume();
  }

  return {
    accept(order) {
      if (order.kind === 'take-screenshot') pictures(order);
      else accept(order);
    },
    inProgress() {
      const orders = [...waiting.values(), ...[...running.values()].map(({ order }) => order)];
      return [...new Set(orders.filter(({ kind }) => kind === 'create-session').map((order) => order.sessionId))];
    },
    resume,
    async stop() {
      stopped = true;
      for (const timer of postponed.values()) timer.cancel();
      waiting.clear();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

const subjectOf = ({ kind, sessionId }: SessionOrder): string => `${kind}:${sessionId}`;

/** When orders are carried out: one at a time for one session, a few sessions at once, none twice, and none whose outcome could not be kept. */
import type { SessionId } from '../domain/ids.ts';
import type { Order } from '../domain/ports/agent-link.ts';
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

export function createOrders(deps: OrdersDeps): Orders {
  const { outbox, log } = deps;
  const pictures = createPictures(deps.driver, deps.deliver);
  const waiting = new Map<string, SessionOrder>();
  const running = new Map<SessionId, { readonly order: SessionOrder; readonly done: Promise<void> }>();

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
    await carryOut(order, deps);
    running.delete(order.sessionId);
    resume();
  }

  return {
    accept(order) {
      if (order.kind === 'take-screenshot') return pictures(order);
      if (waiting.has(order.orderId) || running.get(order.sessionId)?.order.orderId === order.orderId) return;
      if (waiting.size >= WAITING) {
        log.warn({ orderId: order.orderId }, 'an order is refused because too many are waiting');
        return;
      }
      waiting.set(order.orderId, order);
      if (!outbox.hasRoom(running.size + 1)) log.warn({ orderId: order.orderId }, 'an order waits because the outbox is full');
      resume();
    },
    inProgress() {
      const orders = [...waiting.values(), ...[...running.values()].map(({ order }) => order)];
      return [...new Set(orders.filter(({ kind }) => kind === 'create-session').map((order) => order.sessionId))];
    },
    resume,
    async stop() {
      waiting.clear();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

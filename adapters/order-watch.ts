/**
 * Tells what a request leads to after its answer, or while it waits for one: a line of the log, and a span where there are traces, for each order to an agent, and
 * a line for each placement. It hears facts to know which request an order is of, and stands around the link to hear of orders.
 */
import { LRUCache } from 'lru-cache';
import type { RequestId, ServerId, SessionId } from '../domain/ids.ts';
import type { AgentLink, Order } from '../domain/ports/agent-link.ts';
import type { Random } from '../domain/ports/clock.ts';
import type { Process, SessionFact } from '../domain/processes/process.ts';
import type { Logger } from './logging.ts';
import { type OrderOrigin, type SentOrder, traceOrder } from './tracing/order-spans.ts';
import { spanIdOf, type Tracing } from './tracing/trace.ts';

export interface OrderWatchPorts {
  readonly now: () => number;
  readonly random: Random;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** Whether this broker looks for servers: all brokers hear the facts, and one tells. */
  readonly leads: () => boolean;
  /** Undefined: nobody traces. */
  readonly tracing: Tracing | undefined;
}

export interface OrderWatch {
  /** Has to hear of a fact before orders follow from it. */
  readonly process: Process;
  around(link: AgentLink): AgentLink;
}

type FactOf<T extends SessionFact['type']> = Extract<SessionFact, { type: T }>;
type Hearing = { readonly [T in SessionFact['type']]?: (id: SessionId, fact: FactOf<T>) => void };

/** Some 0.4 KB each. Of orders whose request was before these it is not told which it was. */
const MOST_REMEMBERED = 10_000;

type Kind = Order['kind'];
const keyOf = (kind: Kind, sessionId: SessionId): string => `${kind}:${sessionId}`;

export function createOrderWatch({ now, random, logger, leads, tracing }: OrderWatchPorts): OrderWatch {
  const origins = new LRUCache<string, OrderOrigin>({ max: MOST_REMEMBERED });
  const underWay = new LRUCache<string, SentOrder>({ max: MOST_REMEMBERED });

  const originOf = (requestId: RequestId): OrderOrigin => ({ requestId, parent: tracing?.contexts.of(requestId) });

  function remember(kind: Kind, id: SessionId, { requestId }: Pick<SessionFact, 'requestId'>): void {
    origins.set(keyOf(kind, id), originOf(requestId));
  }

  /** An attempt that follows from the failure of another is still of the request for the session. */
  function placed(id: SessionId, fact: FactOf<'session.placed'>): void {
    const key = keyOf('create-session', id);
    const asked = origins.get(key) ?? { requestId: fact.requestId, parent: undefined };
    const { requestId, parent } = asked;
    origins.set(key, { requestId, parent: parent && { traceId: parent.traceId, spanId: spanIdOf(fact.id) } });
    const { serverId, attempt } = fact.data;
    if (leads()) logger.info({ requestId, sessionId: id, serverId, attempt }, 'A session was placed.');
  }

  function sent(serverId: ServerId, order: Order): void {
    const key = keyOf(order.kind, order.sessionId);
    const origin = origins.get(key);
    const { kind, orderId, sessionId } = order;
    logger.info({ requestId: origin?.requestId, orderId, serverId }, 'An order was sent to an agent.');
    if (origin === undefined) return;
    const since = underWay.get(key)?.since ?? now();
    underWay.set(key, { serverId, order: { kind, orderId, sessionId }, origin, since });
    // How that ends the agent does not tell.
    if (kind === 'set-permissions') ended('set-permissions', sessionId);
  }

  function ended(kind: Kind, id: SessionId, failure?: string): void {
    const key = keyOf(kind, id);
    const found = underWay.get(key);
    underWay.delete(key);
    if (found === undefined) return;
    const { serverId, order, origin, since } = found;
    const to = now();
    if (kind !== 'set-permissions' && failure === undefined) {
      const { requestId } = origin;
      logger.info({ requestId, orderId: order.orderId, serverId, ms: to - since }, 'An agent has carried out an order.');
    }
    traceOrder(tracing, found, { spanId: spanIdOf(random.uuid()), to, failure });
  }

  /** Sessions live for days, and what made them is of no more use. */
  function started(id: SessionId): void {
    ended('create-session', id);
    origins.delete(keyOf('create-session', id));
  }

  function failed(id: SessionId, { requestId: own, data }: FactOf<'session.failed'>): void {
    const { reason, retrying } = data;
    const requestId = origins.get(keyOf('create-session', id))?.requestId ?? own;
    if (leads()) logger.warn({ requestId, sessionId: id, reason, retrying }, 'A session could not be made.');
    ended('create-session', id, reason);
  }

  function refused(id: SessionId, { requestId, data }: FactOf<'session.refused'>): void {
    if (leads()) logger.info({ requestId, sessionId: id, reason: data.reason }, 'There is no server for a session.');
    over(id);
  }

  /** Of one that was deleted by force the order to close it is still to come, or comes again. */
  function over(id: SessionId): void {
    ended('close-session', id);
    for (const kind of ['create-session', 'set-permissions'] as const) {
      origins.delete(keyOf(kind, id));
      underWay.delete(keyOf(kind, id));
    }
  }

  const hear: Hearing = {
    'session.requested': (id, fact) => remember('create-session', id, fact),
    'session.deletion-requested': (id, fact) => remember('close-session', id, fact),
    'session.permissions-updated': (id, fact) => remember('set-permissions', id, fact),
    'session.placed': placed,
    'session.started': started,
    'session.failed': failed,
    'session.refused': refused,
    'session.deleted': over,
  };

  return {
    process: { session: (id, fact) => hear[fact.type]?.(id, fact as never) },
    around: (link) => ({
      ...link,
      send(serverId, order) {
        const isSent = link.send(serverId, order);
        if (isSent) sent(serverId, order);
        return isSent;
      },
    }),
  };
}

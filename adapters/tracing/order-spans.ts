/** The span of an order to an agent: below what led to it, from when it was sent to the agent's answer. */
import type { RequestId, ServerId } from '../../domain/ids.ts';
import type { Order } from '../../domain/ports/agent-link.ts';
import type { SpanContext } from './contexts.ts';
import type { Tracing } from './trace.ts';

/** What an order follows from. */
export interface OrderOrigin {
  readonly requestId: RequestId;
  /** The span that led to it. */
  readonly parent: SpanContext | undefined;
}

/** An order on its way to be carried out. */
export interface SentOrder {
  readonly serverId: ServerId;
  readonly order: Pick<Order, 'kind' | 'orderId' | 'sessionId'>;
  readonly origin: OrderOrigin;
  readonly since: number;
}

export interface OrderEnd {
  readonly spanId: string;
  readonly to: number;
  readonly failure?: string | undefined;
}

/** Without effect where nobody traces, or not this request. */
export function traceOrder(tracing: Tracing | undefined, { serverId, order, origin, since }: SentOrder, end: OrderEnd): void {
  const { requestId, parent } = origin;
  if (parent === undefined) return;
  tracing?.record({
    context: { traceId: parent.traceId, spanId: end.spanId },
    parent: parent.spanId,
    name: `order ${order.kind}`,
    kind: 'client',
    from: since,
    to: end.to,
    attributes: {
      'berth.session_id': order.sessionId,
      'berth.server_id': serverId,
      'berth.order_id': order.orderId,
      'berth.request_id': requestId,
    },
    failure: end.failure,
  });
}

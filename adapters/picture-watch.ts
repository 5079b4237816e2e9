/** Tells of each question for pictures that a request leads to: a line of the log, and a span where there are traces. They have no facts. */

import type { AgentLink } from '../domain/ports/agent-link.ts';
import type { Random } from '../domain/ports/clock.ts';
import type { Logger } from './logging.ts';
import { traceOrder } from './tracing/order-spans.ts';
import { spanIdOf, type Tracing } from './tracing/trace.ts';

export interface PictureWatchPorts {
  readonly now: () => number;
  readonly random: Random;
  /** At `debug`, because some look at pictures all the time. */
  readonly logger: Pick<Logger, 'debug'>;
  /** Undefined: nobody traces. */
  readonly tracing: Tracing | undefined;
}

export function watchPictures(link: AgentLink, { now, random, logger, tracing }: PictureWatchPorts): AgentLink {
  return {
    ...link,
    async screenshot(serverId, order, requestId) {
      const since = now();
      const answer = await link.screenshot(serverId, order, requestId);
      if (requestId === undefined) return answer;
      const to = now();
      const reason = 'rejected' in answer ? answer.rejected : undefined;
      logger.debug({ requestId, orderId: order.orderId, serverId, ms: to - since, reason }, 'An agent was asked for a picture.');
      const origin = { requestId, parent: tracing?.contexts.of(requestId) };
      traceOrder(tracing, { serverId, order, origin, since }, { spanId: spanIdOf(random.uuid()), to, failure: reason });
      return answer;
    },
  };
}

/**
 * Which request belongs to which trace. Facts name the request that they follow from, so whoever hears of one finds its trace here. On a log that brokers
 * share it travels beside the facts, in the metadata of their events; it is in no fact, and nothing depends on it.
 */
import { LRUCache } from 'lru-cache';
import type { RequestId } from '../../domain/ids.ts';

/** Where a span is, in lower-case hexadecimal: 32 digits and 16. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

export interface TraceContexts {
  /** The span of the request; undefined: it is not traced, or that was too long ago. */
  of(requestId: RequestId): SpanContext | undefined;
  learn(requestId: RequestId, context: SpanContext): void;
}

/** Some 0.3 KB each. Requests before these may still wait for a server; what becomes of them is in no trace. */
const MOST_REMEMBERED = 20_000;

export function createTraceContexts(): TraceContexts {
  const contexts = new LRUCache<RequestId, SpanContext>({ max: MOST_REMEMBERED });
  return {
    of: (requestId) => contexts.get(requestId),
    learn: (requestId, context) => void contexts.set(requestId, context),
  };
}

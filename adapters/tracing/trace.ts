/** Traces as the rest of the broker knows them: spans that are over, and where in which trace they belong. */
import type { RequestId } from '../../domain/ids.ts';
import type { SpanContext, TraceContexts } from './contexts.ts';

/** Something that took time and is over. */
export interface Span {
  readonly context: SpanContext;
  /** The span that it is part of, in the same trace; undefined: it is the first. */
  readonly parent: string | undefined;
  /** Few different ones: what differs goes into the attributes. */
  readonly name: string;
  /** Answered somebody, asked somebody, or neither. */
  readonly kind: 'server' | 'client' | 'internal';
  /** Milliseconds since 1970 (UTC). */
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  /** Why it failed; undefined: it did not. */
  readonly failure?: string | undefined;
}

export interface Tracing {
  readonly contexts: TraceContexts;
  /** Never waits, and never throws: where spans cannot be sent fast enough they are dropped. */
  record(span: Span): void;
  /** Sends what is left, for a short while. */
  stop(): Promise<void>;
}

/** A request's own place in its trace, and what its caller was doing, if the caller says so. */
export interface RequestTrace {
  readonly context: SpanContext;
  readonly parent: string | undefined;
}

/** W3C Trace Context; later versions may say more behind it. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const SAMPLED = 1;

/**
 * A caller that traces has its trace continued, or, where it does not record that one, none is recorded here: undefined. For others the RequestId, which
 * is as long as the id of a trace and as random, is that id: who knows the one finds the other.
 */
export function traceOf(traceparent: string | null, requestId: RequestId): RequestTrace | undefined {
  const spanId = spanIdOf(requestId);
  const [, version, traceId, parent, flags, more] = TRACEPARENT.exec(traceparent?.trim() ?? '') ?? [];
  if (traceId === undefined || parent === undefined || (version === '00' && more !== undefined)) {
    return { context: { traceId: requestId.replaceAll('-', ''), spanId }, parent: undefined };
  }
  const isSampled = (Number.parseInt(String(flags), 16) & SAMPLED) === SAMPLED;
  return isSampled ? { context: { traceId, spanId }, parent } : undefined;
}

/** The half of a UUID in which all digits but one are random. So all brokers give what came of the same fact the same id, without telling each other. */
export const spanIdOf = (uuid: string): string => uuid.replaceAll('-', '').slice(16);

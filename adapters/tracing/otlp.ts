/**
 * Sends spans to an OpenTelemetry collector, as JSON over HTTP (OTLP). Loaded only where there is one, because it takes 16 MB. What cannot be sent in time is
 * dropped: nobody waits for a collector, and its troubles are told once.
 */
import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Span } from './trace.ts';

export interface SpanSender {
  send(span: Span): void;
  /** Gives what is left a short while. */
  stop(): Promise<void>;
}

export interface SenderOptions {
  /** Of the collector, without the path for traces. */
  readonly endpoint: string;
  /** Which broker this is. */
  readonly instance: string;
  /** Spans cannot be sent any more; why, in a sentence. */
  failed(reason: string): void;
  recovered(): void;
}

/** Spans that wait; more are dropped. Some 1 KB each. */
const MOST_WAITING = 4096;
const BATCH = 512;
const DELAY_MS = 2000;
/** For one batch, repetitions included. */
const SEND_MS = 3000;
/** Shorter than a broker has to end. */
const STOP_MS = 2000;

export function createSender({ endpoint, instance, ...options }: SenderOptions): SpanSender {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: SEND_MS });
  const processor = new BatchSpanProcessor(telling(exporter, options), {
    maxQueueSize: MOST_WAITING,
    maxExportBatchSize: BATCH,
    scheduledDelayMillis: DELAY_MS,
    exportTimeoutMillis: 2 * SEND_MS,
  });
  const resource = resourceOf(instance);
  return {
    send: (span) => processor.onEnd(readable(span, resource)),
    async stop() {
      let impatience: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => {
        impatience = setTimeout(resolve, STOP_MS);
      });
      await Promise.race([processor.shutdown().catch(() => undefined), over]);
      clearTimeout(impatience);
    },
  };
}

/** A failure is told once, and its end; the processor hears of successes only, since all it would do is print. */
function telling(exporter: SpanExporter, { failed, recovered }: Pick<SenderOptions, 'failed' | 'recovered'>): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        const fails = code !== 0;
        if (fails && !isFailing) failed(String(error?.message || 'it refuses them'));
        if (!fails && isFailing) recovered();
        isFailing = fails;
        done({ code: 0 });
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** Operators may say more in OTEL_RESOURCE_ATTRIBUTES, and another name in OTEL_SERVICE_NAME. */
function resourceOf(instance: string): Resource {
  const own = resourceFromAttributes({ 'service.name': 'berth-broker', 'service.instance.id': instance });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

function readable({ context, parent, name, kind, from, to, attributes, failure }: Span, resource: Resource): ReadableSpan {
  const inTrace = (spanId: string) => ({ traceId: context.traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => inTrace(context.spanId),
    ...(parent !== undefined && { parentSpanContext: inTrace(parent) }),
    startTime: timeOf(from),
    endTime: timeOf(to),
    duration: timeOf(Math.max(0, to - from)),
    status: failure === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: failure },
    attributes: Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as Attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'berth' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

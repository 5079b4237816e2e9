/**
 * Facts as events of EventStoreDB, and back. The shapes are stored for ever: the event has the id, the type and the data of the fact as JSON that a
 * person can read; who caused it, when and in which shape stands in the metadata, under the server's own names where it has some.
 */
import { type AllStreamResolvedEvent, type JSONEventData, type ResolvedEvent, START } from '@eventstore/db-client';
import { type Cause, LOG_START, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import { factId, requestId, type StreamName } from '../../domain/ids.ts';
import type { Removal } from '../../domain/ports/event-log.ts';
import type { Draft } from '../drafts.ts';
import type { SpanContext, TraceContexts } from '../tracing/contexts.ts';

/** What stands in the metadata of each event. */
interface FactMetadata {
  /** The request that it all began with. */
  readonly $correlationId: string;
  /** The id of whoever made it happen. */
  readonly $causationId: string;
  /** What kind of id that is. */
  readonly cause: Cause['kind'];
  readonly schemaVersion: number;
  /** Milliseconds since 1970; the server's own time of writing stands beside it. */
  readonly time: number;
  readonly hash?: string;
  /** Of the request, where it was traced; no part of the fact. Named as the server's own clients do. */
  readonly $traceId?: string;
  readonly $spanId?: string;
}

/** The streams of one cluster of brokers among those of others and of the server itself. */
export interface Names {
  readonly prefix: string;
  /** As the server knows it. */
  onServer(stream: StreamName): string;
  /** Undefined: not one of ours. */
  ours(stream: string): StreamName | undefined;
  /** The stream of a lock, which never holds anything. */
  lock(name: string): string;
  /** For the server to pick ours from the whole log. */
  readonly pattern: string;
  /** The same for what is noted about our streams. */
  readonly metadataPattern: string;
}

/** A name of ours behind the prefix: a category without dots, so that no prefix can be the beginning of another one's names. */
const CATEGORY = '[^$.-][^.-]*-';

/** `prefix`: letters, digits and `_`, ending with a dot, such as `acme.`; or empty. */
export function createNames(prefix: string): Names {
  const pattern = `^${prefix.replaceAll('.', '\\.')}${CATEGORY}`;
  const name = new RegExp(pattern, 's');
  return {
    prefix,
    lock: (name) => `${prefix}lock-${name}`,
    onServer: (stream) => `${prefix}${stream}`,
    ours: (stream) => (name.test(stream) ? (stream.slice(prefix.length) as StreamName) : undefined),
    pattern,
    metadataPattern: `^\\$\\$${pattern.slice(1)}`,
  };
}

export function eventOf({ fact, data }: Draft, traces?: TraceContexts): JSONEventData {
  const { id, type, schemaVersion, time, cause, requestId, hash } = fact;
  const metadata: FactMetadata = { $correlationId: requestId, $causationId: cause.id, cause: cause.kind, schemaVersion, time };
  return {
    id,
    type,
    contentType: 'application/json',
    data: JSON.parse(data),
    metadata: { ...metadata, ...(hash === undefined ? {} : { hash }), ...traceMetadata(traces?.of(requestId)) },
  };
}

const traceMetadata = (context: SpanContext | undefined) =>
  context === undefined ? {} : { $traceId: context.traceId, $spanId: context.spanId };

/** The trace of the request that an event follows from; undefined where nothing is said of one. Anybody may have written it. */
export function contextOf({ event }: ResolvedEvent | AllStreamResolvedEvent): SpanContext | undefined {
  const { $traceId: traceId, $spanId: spanId } = (event?.metadata ?? {}) as Partial<FactMetadata>;
  const isContext = typeof traceId === 'string' && typeof spanId === 'string' && TRACE_ID.test(traceId) && SPAN_ID.test(spanId);
  return isContext ? { traceId, spanId } : undefined;
}

const TRACE_ID = /^[0-9a-f]{32}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;

/** Undefined for what is no fact of ours: another stream, a link, an event that somebody else wrote. */
export function factOf({ event }: ResolvedEvent | AllStreamResolvedEvent, names: Names): RecordedFact | undefined {
  if (event?.position === undefined || !isObject(event.data) || !isMetadata(event.metadata)) return undefined;
  const stream = names.ours(event.streamId);
  if (stream === undefined) return undefined;
  const { $correlationId, $causationId, cause, schemaVersion, time, hash } = event.metadata;
  return {
    position: positionOf(event.position.commit),
    stream,
    revision: Number(event.revision),
    id: factId(event.id),
    type: event.type,
    schemaVersion,
    time,
    cause: { kind: cause, id: $causationId },
    requestId: requestId($correlationId),
    data: event.data,
    ...(hash === undefined ? {} : { hash }),
  };
}

/**
 * Facts are removed by the server's own metadata of the stream: it hides events before a revision, counts on, and leaves them to scavenging. What was
 * noted stands beside that.
 */
export const truncation = ({ revision, hash, note }: Removal) => ({ truncateBefore: revision + 1, hash, movedTo: note });

/** The other way round, from the event that the server keeps the metadata in; undefined where nothing was removed. */
export function removalOf(metadata: ResolvedEvent | undefined): Removal | undefined {
  const { $tb: before, hash, movedTo: note } = (metadata?.event?.data ?? {}) as Partial<StoredTruncation>;
  return before === undefined || hash === undefined || note === undefined ? undefined : { revision: before - 1, hash, note };
}

interface StoredTruncation {
  readonly $tb: number;
  readonly hash: string;
  readonly movedTo: string;
}

/** Bytes are what others write. */
function isObject(data: unknown): data is object {
  return typeof data === 'object' && data !== null && !(data instanceof Uint8Array);
}

function isMetadata(metadata: unknown): metadata is FactMetadata {
  const { $correlationId, $causationId, cause, schemaVersion, time } = (metadata ?? {}) as Partial<FactMetadata>;
  return (
    [$correlationId, $causationId, cause].every((text) => typeof text === 'string') && [schemaVersion, time].every(Number.isSafeInteger)
  );
}

/** Offsets in the log; a double holds them exactly up to 9 petabytes. */
export const positionOf = (commit: bigint): Position => Number(commit);

/** Where to read or to subscribe from. */
export type Place = typeof START | { readonly commit: bigint; readonly prepare: bigint };

/** What we append has the same commit and prepare position. */
export function placeOf(position: Position): Place {
  return position === LOG_START ? START : { commit: BigInt(position), prepare: BigInt(position) };
}

export const expectedOf = (revision: Revision): bigint | 'no_stream' => (revision < 0 ? 'no_stream' : BigInt(revision));

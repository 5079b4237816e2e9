/** A span for each search for a server, from the fact that asked for one to the fact that ended it. It hears facts and has no effects. */
import { LRUCache } from 'lru-cache';
import type { Process, SessionFact } from '../../domain/processes/process.ts';
import type { SpanContext } from './contexts.ts';
import { type Span, spanIdOf, type Tracing } from './trace.ts';

/** A session that is not made yet. */
interface Wanted {
  /** The request for it. */
  readonly request: SpanContext;
  /** When the search began that is under way, or was last. */
  since: number;
  isQueued: boolean;
}

type Ending = Partial<Pick<Span, 'attributes' | 'failure'>>;

const MOST_WANTED = 20_000;

/** `leads`: whether this broker looks for servers. All of them hear the facts, and one tells. */
export function createPlacementSpans({ contexts, record }: Tracing, leads: () => boolean): Process {
  const wanted = new LRUCache<string, Wanted>({ max: MOST_WANTED });

  function found(id: string, fact: SessionFact, { request, since, isQueued }: Wanted, how: Ending): void {
    if (!leads()) return;
    record({
      context: { traceId: request.traceId, spanId: spanIdOf(fact.id) },
      parent: request.spanId,
      name: 'place session',
      kind: 'internal',
      from: since,
      to: fact.time,
      attributes: { 'berth.session_id': id, 'berth.queued': String(isQueued), ...how.attributes },
      failure: how.failure,
    });
  }

  function change(id: string, fact: SessionFact, search: Wanted): void {
    const { type, data, time } = fact;
    if (type === 'session.queued') search.isQueued = true;
    else if (type === 'session.placed')
      found(id, fact, search, { attributes: { 'berth.server_id': data.serverId, 'berth.attempt': data.attempt } });
    else if (type === 'session.refused') found(id, fact, search, { failure: data.reason });
    else if (type === 'session.failed') search.since = time;
    if (ENDS.has(type)) wanted.delete(id);
  }

  return {
    session(id, fact) {
      const search = wanted.get(id);
      const request = fact.type === 'session.requested' ? contexts.of(fact.requestId) : undefined;
      if (request !== undefined) wanted.set(id, { request, since: fact.time, isQueued: false });
      else if (search !== undefined) change(id, fact, search);
    },
  };
}

const ENDS: ReadonlySet<SessionFact['type']> = new Set(['session.started', 'session.refused', 'session.deleted']);

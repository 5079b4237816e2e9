import t from 'tap';
import { noteOperation, type RequestNotes } from '../../../adapters/http/request-notes.ts';
import { createTraceContexts } from '../../../adapters/tracing/contexts.ts';
import { createPlacementSpans } from '../../../adapters/tracing/placement-spans.ts';
import { createRequestSpans } from '../../../adapters/tracing/request-spans.ts';
import { type Span, spanIdOf, traceOf } from '../../../adapters/tracing/trace.ts';
import { requestId, sessionId } from '../../../domain/ids.ts';
import type { SessionFact } from '../../../domain/processes/process.ts';

const REQUEST = requestId('0f6d1c52-7f0a-4b5e-9f55-0d7f2d1f8a11');
const OWN = { context: { traceId: '0f6d1c527f0a4b5e9f550d7f2d1f8a11', spanId: '9f550d7f2d1f8a11' }, parent: undefined };
const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

t.test('the trace of a request goes by its RequestId', async (t) => {
  t.same(traceOf(null, REQUEST), OWN);
});

t.test('a caller that traces has its trace continued', async (t) => {
  const continued = { context: { traceId: TRACE, spanId: '9f550d7f2d1f8a11' }, parent: SPAN };
  t.same(traceOf(`00-${TRACE}-${SPAN}-01`, REQUEST), continued);
  t.same(traceOf(` 00-${TRACE}-${SPAN}-03 `, REQUEST), continued, 'other flags change nothing');
  t.same(traceOf(`cc-${TRACE}-${SPAN}-01-what-later-versions-say`, REQUEST), continued);
  t.equal(traceOf(`00-${TRACE}-${SPAN}-00`, REQUEST), undefined, 'what its caller does not record is not recorded');
});

t.test('what is no traceparent counts as none', async (t) => {
  for (const header of [
    '',
    'nonsense',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ]) {
    t.same(traceOf(header, REQUEST), OWN, header);
  }
});

function watchPlacements(leads = true) {
  const spans: Span[] = [];
  const contexts = createTraceContexts();
  contexts.learn(REQUEST, OWN.context);
  const process = createPlacementSpans({ contexts, record: (span) => spans.push(span), stop: async () => undefined }, () => leads);
  const hear = (type: string, time: number, data: object = {}, request = REQUEST) =>
    process.session?.(sessionId('s1'), { type, time, data, requestId: request, id: FACT } as unknown as SessionFact);
  return { spans, hear };
}

const FACT = '11111111-2222-4333-8444-555555555555';

t.test('a search for a server is a span of the request, from the fact that began it to the one that ended it', async (t) => {
  const { spans, hear } = watchPlacements();
  hear('session.requested', 100);
  hear('session.queued', 150);
  hear('session.placed', 400, { serverId: 'host', attempt: 1 });
  hear('session.failed', 500, { reason: 'no', retrying: true }, requestId('of the agent'));
  hear('session.placed', 600, { serverId: 'other', attempt: 2 });
  hear('session.started', 700);
  hear('session.placed', 800, { serverId: 'nobody', attempt: 3 });
  t.match(spans, [
    {
      name: 'place session',
      context: { traceId: OWN.context.traceId, spanId: spanIdOf(FACT) },
      parent: OWN.context.spanId,
      from: 100,
      to: 400,
      attributes: { 'berth.session_id': 's1', 'berth.server_id': 'host', 'berth.queued': 'true' },
    },
    { from: 500, to: 600, attributes: { 'berth.server_id': 'other', 'berth.attempt': 2 } },
  ]);
  t.equal(spans.length, 2);
});

t.test('a search in vain fails with the reason, and what is not traced has no spans', async (t) => {
  const { spans, hear } = watchPlacements();
  hear('session.requested', 100, {}, requestId('not traced'));
  hear('session.refused', 110, { reason: 'No server.' });
  t.same(spans, []);
  hear('session.requested', 100);
  hear('session.refused', 120, { reason: 'No server.' });
  t.match(spans, [{ failure: 'No server.', from: 100, to: 120 }]);
  const follower = watchPlacements(false);
  follower.hear('session.requested', 100);
  follower.hear('session.placed', 400, { serverId: 'host', attempt: 1 });
  t.same(follower.spans, [], 'of several brokers the one that leads tells');
});

function watchRequests() {
  const spans: Span[] = [];
  const contexts = createTraceContexts();
  const trace = createRequestSpans(
    { contexts, record: (span) => spans.push(span), stop: async () => undefined },
    () => 1000,
    new Set(['change']),
  );
  const serve = (operation: string, status: number, headers: Record<string, string> = {}) => {
    const notes: RequestNotes = { requestId: REQUEST };
    const end = trace(new Request('https://broker/x', { method: 'POST', headers }), notes);
    noteOperation(notes, operation);
    end?.({ requestId: REQUEST, operation, status, ms: 250, client: 'ann', address: undefined });
    return end;
  };
  return { spans, contexts, serve };
}

t.test('a request is a span, and only of one that may change something the trace is remembered', async (t) => {
  const { spans, contexts, serve } = watchRequests();
  serve('look', 200);
  t.equal(contexts.of(REQUEST), undefined);
  serve('change', 503);
  t.same(contexts.of(REQUEST), OWN.context);
  t.match(spans, [
    { name: 'look', kind: 'server', from: 750, to: 1000, failure: undefined, attributes: { 'http.response.status_code': 200 } },
    { failure: 'Answered with 503.' },
  ]);
});

t.test('a request that its caller does not record is not recorded, and neither is what follows from it', async (t) => {
  const { spans, contexts, serve } = watchRequests();
  t.equal(serve('change', 200, { traceparent: `00-${TRACE}-${SPAN}-00` }), undefined);
  t.same([spans.length, contexts.of(REQUEST)], [0, undefined]);
  serve('change', 200, { traceparent: `00-${TRACE}-${SPAN}-01` });
  t.match(spans, [{ context: { traceId: TRACE }, parent: SPAN }]);
});

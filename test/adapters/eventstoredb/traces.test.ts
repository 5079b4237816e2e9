import type { ResolvedEvent } from '@eventstore/db-client';
import t from 'tap';
import { contextOf, eventOf } from '../../../adapters/eventstoredb/events.ts';
import { createTraceContexts } from '../../../adapters/tracing/contexts.ts';
import { newFact } from '../../helpers/new-facts.ts';

const CONTEXT = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

t.test('the trace of a request stands in the metadata of its events, under the names of the server, and nowhere else', async (t) => {
  const contexts = createTraceContexts();
  const fact = newFact();
  const draft = { fact, data: JSON.stringify(fact.data) };
  const plain = eventOf(draft, contexts);
  t.same(plain, eventOf(draft), 'a request that is not traced leaves none');
  contexts.learn(fact.requestId, CONTEXT);
  const traced = eventOf(draft, contexts);
  t.same(traced, { ...plain, metadata: { ...(plain.metadata as object), $traceId: CONTEXT.traceId, $spanId: CONTEXT.spanId } });
  t.same(contextOf({ event: traced } as unknown as ResolvedEvent), CONTEXT);
  t.equal(contextOf({ event: plain } as unknown as ResolvedEvent), undefined);
});

t.test('what others write in its place is passed over', async (t) => {
  const of = (metadata: unknown) => contextOf({ event: { metadata } } as unknown as ResolvedEvent);
  t.equal(of(undefined), undefined);
  t.equal(of({ $traceId: 7, $spanId: CONTEXT.spanId }), undefined);
  t.equal(of({ $traceId: 'x'.repeat(32), $spanId: CONTEXT.spanId }), undefined);
  t.equal(of({ $traceId: CONTEXT.traceId, $spanId: `${CONTEXT.spanId}\n` }), undefined);
  t.equal(of({ $traceId: CONTEXT.traceId }), undefined);
  t.equal(contextOf({} as ResolvedEvent), undefined);
});

/** What a request leads to can be found in the log by its RequestId. */
import t from 'tap';
import { createOrderWatch } from '../../adapters/order-watch.ts';
import { watchPictures } from '../../adapters/picture-watch.ts';
import { systemRandom } from '../../adapters/system.ts';
import { createTraceContexts } from '../../adapters/tracing/contexts.ts';
import { type Span, spanIdOf, type Tracing } from '../../adapters/tracing/trace.ts';
import { requestId, serverId, sessionId } from '../../domain/ids.ts';
import type { AgentLink, Order } from '../../domain/ports/agent-link.ts';
import type { SessionFact } from '../../domain/processes/process.ts';

const [ID, HOST] = [sessionId('s1'), serverId('host')];
const FACT = '11111111-2222-4333-8444-555555555555';

function start({ leads = true, isConnected = true, isTraced = false } = {}) {
  const lines: object[] = [];
  const spans: Span[] = [];
  let time = 0;
  const say = (fields: object, message: string) => void lines.push({ message, ...fields });
  const contexts = createTraceContexts();
  const tracing: Tracing | undefined = isTraced ? { contexts, record: (span) => spans.push(span), stop: async () => undefined } : undefined;
  const watch = createOrderWatch({
    now: () => time,
    random: systemRandom,
    logger: { info: say, warn: say },
    leads: () => leads,
    tracing,
  });
  const link = watch.around({ send: () => isConnected, screenshot: async () => [] } satisfies AgentLink);
  return {
    lines,
    spans,
    contexts,
    link,
    asks: (answer: Awaited<ReturnType<AgentLink['screenshot']>>) =>
      watchPictures(
        { ...link, screenshot: async () => answer },
        { now: () => time, random: systemRandom, logger: { debug: say }, tracing },
      ),
    at(now: number) {
      time = now;
    },
    hear: (type: string, request: string, data: object = {}) =>
      watch.process.session?.(ID, { type, requestId: requestId(request), data, id: FACT, time } as unknown as SessionFact),
    send: (kind: Order['kind']) => link.send(HOST, { kind, orderId: `${kind}:s1:1`, sessionId: ID } as Order),
  };
}

t.test('placement, order and its end are told with the request, also after a failure that an agent reported', async (t) => {
  const { lines, at, hear, send } = start();
  hear('session.requested', 'r1');
  hear('session.placed', 'r1', { serverId: 'host', attempt: 1 });
  t.ok(send('create-session'));
  hear('session.failed', 'of the agent', { reason: 'Out of disk.', retrying: true });
  hear('session.placed', 'of the agent', { serverId: 'host', attempt: 2 });
  at(5);
  send('create-session');
  at(30);
  hear('session.started', 'of the agent');
  t.same(lines, [
    { message: 'A session was placed.', requestId: 'r1', sessionId: 's1', serverId: 'host', attempt: 1 },
    { message: 'An order was sent to an agent.', requestId: 'r1', orderId: 'create-session:s1:1', serverId: 'host' },
    { message: 'A session could not be made.', requestId: 'r1', sessionId: 's1', reason: 'Out of disk.', retrying: true },
    { message: 'A session was placed.', requestId: 'r1', sessionId: 's1', serverId: 'host', attempt: 2 },
    { message: 'An order was sent to an agent.', requestId: 'r1', orderId: 'create-session:s1:1', serverId: 'host' },
    { message: 'An agent has carried out an order.', requestId: 'r1', orderId: 'create-session:s1:1', serverId: 'host', ms: 25 },
  ]);
});

t.test('a session without a server, new permissions and a deletion are told, too', async (t) => {
  const { lines, hear, send } = start();
  hear('session.requested', 'r1');
  hear('session.refused', 'r1', { reason: 'No server.' });
  hear('session.permissions-updated', 'r2');
  send('set-permissions');
  hear('session.deletion-requested', 'r3');
  send('close-session');
  hear('session.deleted', 'of the agent');
  send('close-session');
  t.match(lines, [
    { message: 'There is no server for a session.', requestId: 'r1', reason: 'No server.' },
    { message: 'An order was sent to an agent.', requestId: 'r2', orderId: 'set-permissions:s1:1' },
    { message: 'An order was sent to an agent.', requestId: 'r3', orderId: 'close-session:s1:1' },
    { message: 'An agent has carried out an order.', requestId: 'r3', orderId: 'close-session:s1:1' },
    { message: 'An order was sent to an agent.', requestId: 'r3', orderId: 'close-session:s1:1' },
  ]);
  t.equal(lines.length, 5);
});

t.test('a broker that does not lead tells of the orders that it sends, and of no others', async (t) => {
  const follower = start({ leads: false, isConnected: false });
  follower.hear('session.placed', 'r1', { serverId: 'host', attempt: 1 });
  t.notOk(follower.send('create-session'));
  follower.hear('session.failed', 'r1', { reason: 'no', retrying: false });
  follower.hear('session.refused', 'r1', { reason: 'No server.' });
  follower.hear('session.queued', 'r1');
  t.same(follower.lines, []);
});

t.test('orders are spans below what led to them', async (t) => {
  const { spans, contexts, at, hear, send, lines } = start({ isTraced: true });
  for (const [request, digit] of [
    ['r1', 'a'],
    ['r2', 'b'],
    ['r3', 'c'],
  ] as const) {
    contexts.learn(requestId(request), { traceId: digit.repeat(32), spanId: digit.repeat(16) });
  }
  hear('session.requested', 'r1');
  hear('session.placed', 'r1', { serverId: 'host', attempt: 1 });
  send('create-session');
  at(10);
  send('create-session');
  at(40);
  hear('session.failed', 'of the agent', { reason: 'Out of disk.', retrying: false });
  hear('session.permissions-updated', 'r2');
  send('set-permissions');
  hear('session.deletion-requested', 'r3');
  send('close-session');
  hear('session.deleted', 'r3');
  t.match(spans, [
    {
      name: 'order create-session',
      context: { traceId: 'a'.repeat(32) },
      parent: spanIdOf(FACT),
      from: 0,
      to: 40,
      failure: 'Out of disk.',
    },
    { name: 'order set-permissions', context: { traceId: 'b'.repeat(32) }, parent: 'b'.repeat(16) },
    { name: 'order close-session', context: { traceId: 'c'.repeat(32) }, parent: 'c'.repeat(16), failure: undefined },
  ]);
  t.equal(new Set(spans.map(({ context }) => context.spanId)).size, 3);
  t.ok(lines.length > 0);
});

t.test('pictures that a request asks for are told and traced, whatever comes of them', async (t) => {
  const { asks, lines, spans, contexts } = start({ isTraced: true });
  const order = { kind: 'take-screenshot', orderId: 'p1', sessionId: ID, localId: 's1', maxWidth: 1, maxHeight: 1, format: 'png' } as const;
  contexts.learn(requestId('r1'), { traceId: 'a'.repeat(32), spanId: 'a'.repeat(16) });
  t.same(await asks([]).screenshot(HOST, order, requestId('r1')), []);
  t.same(await asks({ rejected: 'No picture.' }).screenshot(HOST, order, requestId('r1')), { rejected: 'No picture.' });
  t.same(await asks([]).screenshot(HOST, order), [], 'for another broker, which tells of it itself');
  t.match(lines, [
    { message: 'An agent was asked for a picture.', requestId: 'r1', orderId: 'p1', reason: undefined },
    { message: 'An agent was asked for a picture.', requestId: 'r1', reason: 'No picture.' },
  ]);
  t.match(spans, [
    { name: 'order take-screenshot', parent: 'a'.repeat(16), failure: undefined },
    { name: 'order take-screenshot', failure: 'No picture.' },
  ]);
  t.same([lines.length, spans.length], [2, 2]);
});

t.test('a failure of a session that nobody remembers is told with the request of the fact', async (t) => {
  const { lines, hear } = start();
  hear('session.failed', 'of the agent', { reason: 'Out of disk.', retrying: false });
  t.match(lines, [{ message: 'A session could not be made.', requestId: 'of the agent' }]);
});

/** What a collector of traces gets from real brokers, and that a bad one costs nothing but spans. */
import t from 'tap';
import { createLogger } from '../../../adapters/logging.ts';
import { createSender } from '../../../adapters/tracing/otlp.ts';
import type { Span } from '../../../adapters/tracing/trace.ts';
import { openTracing } from '../../../adapters/tracing/tracing.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { type CollectedSpan, startCollector } from '../../helpers/collector.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { eventually } from '../../helpers/kill-checks.ts';
import { type RealBroker, startAgent, startBroker, writeServer } from '../../helpers/real-broker.ts';
import { pause } from '../../helpers/until.ts';

async function awaitServer({ client }: RealBroker): Promise<void> {
  await eventually(async () => (await client.describeServers()).some(({ Availability }) => Availability === 'AVAILABLE'));
}

async function createAndDelete({ client }: RealBroker): Promise<string> {
  const made = await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  const id = String(made.SuccessfulList?.[0]?.Id);
  await eventually(async () => (await client.describeSessions({ SessionIds: [id] }))[0]?.State === 'READY');
  await client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);
  return id;
}

const named = (spans: readonly CollectedSpan[], name: string): CollectedSpan | undefined => spans.find((span) => span.name === name);
const all =
  (spans: readonly CollectedSpan[], ...names: readonly string[]) =>
  () =>
    names.every((name) => named(spans, name) !== undefined);

t.test('a session is one trace from the request over its placement to the order, and its deletion is another', async (t) => {
  const { url, spans } = await startCollector(t);
  const broker = await startBroker(t, { env: { BERTH_OTLP_ENDPOINT: url } });
  startAgent(t, await writeServer(broker, { hostname: 'one' }));
  await awaitServer(broker);
  const id = await createAndDelete(broker);
  await eventually(async () => all(spans, 'createSessions', 'place session', 'order create-session', 'order close-session')());
  const request = named(spans, 'createSessions');
  const placement = named(spans, 'place session');
  const order = named(spans, 'order create-session');
  t.match(request, { kind: 2, attributes: { 'http.response.status_code': 200, 'http.request.method': 'POST' } });
  t.notOk(request?.parentSpanId);
  t.equal(String(request?.attributes['berth.request_id']).replaceAll('-', ''), request?.traceId, 'who knows the RequestId finds the trace');
  t.match(placement, { traceId: request?.traceId, parentSpanId: request?.spanId, attributes: { 'berth.session_id': id } });
  t.match(order, { traceId: request?.traceId, parentSpanId: placement?.spanId, kind: 3, attributes: { 'berth.session_id': id } });
  t.ok(BigInt(order?.endTimeUnixNano ?? 0) >= BigInt(order?.startTimeUnixNano ?? 1));
  const [deletion, closing] = [named(spans, 'deleteSessions'), named(spans, 'order close-session')];
  t.match(closing, { traceId: deletion?.traceId, parentSpanId: deletion?.spanId });
  t.not(deletion?.traceId, request?.traceId);
  t.match(request?.resource, { 'service.name': 'berth-broker' });
  t.notMatch(JSON.stringify(spans), /Bearer|eyJ/, 'no tokens');
  await broker.kill('SIGTERM');
  t.equal(await broker.process.ended, 0);
});

t.test('on a log that brokers share a trace is followed from broker to broker', async (t) => {
  const { url, spans } = await startCollector(t);
  const { url: eventStore, prefix } = await startEventStore(t);
  const flags = ['--event-log', eventStore, '--stream-prefix', prefix];
  const env = { BERTH_OTLP_ENDPOINT: url };
  const leader = await startBroker(t, { flags, env });
  const other = await startBroker(t, { flags, env, keyOf: leader.dataDir });
  startAgent(t, await writeServer(leader, { hostname: 'one' }));
  await awaitServer(leader);
  const { clientId, clientPassword } = leader.connection;
  await other.client.moveTo({ ...other.connection, clientId, clientPassword });
  await eventually(async () => (await other.client.describeServers()).length === 1);
  await createAndDelete(other);
  await eventually(async () => all(spans, 'createSessions', 'place session', 'order create-session', 'order close-session')());
  const [request, placement, order] = ['createSessions', 'place session', 'order create-session'].map((name) => named(spans, name));
  t.same([placement?.traceId, order?.traceId], [request?.traceId, request?.traceId]);
  t.same([placement?.parentSpanId, order?.parentSpanId], [request?.spanId, placement?.spanId]);
  const brokers = [request, placement].map((span) => span?.resource['service.instance.id']);
  t.not(brokers[0], brokers[1], 'the request came to one broker, and another placed it');
  const verified = runBerth(t, 'audit', 'verify', '--log', eventStore, '--stream-prefix', prefix, '--data-dir', leader.dataDir);
  t.equal(await verified.ended, 0, `what travels beside the facts is no part of the evidence: ${verified.stdout()}${verified.stderr()}`);
});

const SPAN: Span = {
  context: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' },
  parent: undefined,
  name: 'a span',
  kind: 'internal',
  from: 1_700_000_000_000,
  to: 1_700_000_000_250.5,
  attributes: { known: 'yes', unknown: undefined },
  failure: 'It broke.',
};

function senderTo(endpoint: string) {
  const told: string[] = [];
  const failed = (reason: string) => void told.push(`failed: ${reason}`);
  const sender = createSender({ endpoint, instance: 'b1', failed, recovered: () => void told.push('recovered') });
  return { sender, told };
}

t.test('a span comes with its times, its attributes and why it failed', async (t) => {
  const { url, spans, requests } = await startCollector(t);
  const { sender, told } = senderTo(url);
  sender.send(SPAN);
  await sender.stop();
  t.match(spans, [
    {
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000000250500000',
      status: { code: 2, message: 'It broke.' },
      attributes: { known: 'yes' },
    },
  ]);
  t.same(Object.keys(spans[0]?.attributes ?? {}), ['known']);
  t.equal(requests[0]?.url, '/v1/traces');
  t.same(told, []);
  sender.send(SPAN);
  t.equal(spans.length, 1, 'after its end nothing is sent');
});

t.test('a collector that refuses, or answers nonsense, is told of once, and so is its recovery', async (t) => {
  const { url, spans, misbehave } = await startCollector(t);
  const { sender, told } = senderTo(url);
  misbehave((response) => void response.writeHead(404).end('<html>nonsense</html>'));
  for (let times = 0; times < 3; times += 1) {
    for (let count = 0; count < 512; count += 1) sender.send(SPAN);
    await pause(50);
  }
  await eventually(async () => told.length > 0);
  misbehave((response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{nonsense'));
  for (let count = 0; count < 512; count += 1) sender.send(SPAN);
  await eventually(async () => told.length > 1);
  misbehave(undefined);
  sender.send(SPAN);
  await sender.stop();
  t.equal(told.length, 2, told.join());
  t.match(told, [/^failed: /, 'recovered']);
  t.equal(spans.length, 1);
});

t.test('a collector that never answers holds up nobody, neither in between nor at the end', async (t) => {
  const { url, misbehave, requests } = await startCollector(t);
  const { sender } = senderTo(url);
  misbehave(() => undefined);
  const began = performance.now();
  for (let count = 0; count < 100_000; count += 1) sender.send(SPAN);
  t.ok(performance.now() - began < 2000, 'what cannot wait is dropped');
  await sender.stop();
  t.ok(performance.now() - began < 8000);
  t.ok(requests.length <= 10);
});

t.test('the log names the collector without its password, when traces begin, and when they fail and go on', async (t) => {
  const { url, misbehave } = await startCollector(t);
  const lines: string[] = [];
  const logger = createLogger({ program: 'broker', level: 'info', human: false, write: (line) => lines.push(line) });
  t.equal(await openTracing(undefined, 'b1', logger), undefined);
  const tracing = await openTracing(url.replace('//', '//ann:swordfish@'), 'b1', logger);
  misbehave((response) => void response.writeHead(401).end());
  for (let count = 0; count < 512; count += 1) tracing?.record(SPAN);
  await eventually(async () => lines.length > 1);
  misbehave(undefined);
  tracing?.record(SPAN);
  await tracing?.stop();
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { level: 'info', msg: 'Requests are traced.', endpoint: url.replace('//', '//***@') },
      { level: 'warn', msg: 'Traces cannot be sent at the moment; those are dropped that cannot wait.' },
      { level: 'info', msg: 'Traces are sent again.' },
    ],
  );
  t.notMatch(lines.join(), 'swordfish');
});

t.test('a collector that is not there is told of in a sentence', async (t) => {
  const { sender, told } = senderTo('http://127.0.0.1:1');
  sender.send(SPAN);
  await eventually(async () => told.length > 0);
  t.match(told, [/^failed: .+/]);
  await sender.stop();
});

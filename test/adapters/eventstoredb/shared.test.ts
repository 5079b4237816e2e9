/** One log and several brokers: what each hears of the others, and what they leave alone. */
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import t, { type Test } from 'tap';
import { type EventStoreLogOptions, openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { freshPrefix, startEventStore } from '../../helpers/event-store.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { until } from '../../helpers/until.ts';

const store = await startEventStore(t);
const DESK = streamName('desk', '1');
const ids = (facts: readonly { readonly id: string }[]) => facts.map(({ id }) => id);

async function open(t: Test, streamPrefix: string, options: EventStoreLogOptions = {}) {
  const log = await openEventStoreLog(store.url, { streamPrefix, ...options });
  t.teardown(() => log.close());
  return log;
}

async function openSeveral(t: Test, count: number) {
  const prefix = freshPrefix();
  return { prefix, logs: await Promise.all(Array.from({ length: count }, () => open(t, prefix))) };
}

/** Somebody else who writes to the server. */
function stranger(t: Test): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(store.url);
  t.teardown(() => client.dispose());
  return client;
}

t.test('what one appends all hear, in one order, each once, own facts among them', async (t) => {
  const { logs } = await openSeveral(t, 3);
  const heard = logs.map((log) => {
    const facts: RecordedFact[] = [];
    log.subscribe(LOG_START, async (delivered) => void facts.push(...delivered), t.fail);
    return facts;
  });
  const write = async (writer: number) => {
    const log = logs[writer % logs.length];
    for (let round = 0; round < 20; round += 1) await log?.append(streamName('desk', `${writer}`), round * 3 - 1, newFacts(3));
  };
  await Promise.all(Array.from({ length: 9 }, (_, writer) => write(writer)));
  await until('everything is heard', () => heard.every((facts) => facts.length === 540), 30_000);
  const expected = ids((await logs[0]?.readAll(LOG_START, 1000)) ?? []);
  for (const facts of heard) t.same(ids(facts), expected);
});

t.test('the head is exact at once, whoever wrote; what is known follows', async (t) => {
  const {
    logs: [first, second],
  } = await openSeveral(t, 2);
  if (first === undefined || second === undefined) throw new Error('There are two.');
  t.ok(first.isShared);
  for (let round = 0; round < 20; round += 1) {
    const appended = await first.append(DESK, round - 1, newFacts(1));
    if (appended.outcome === 'conflict') throw new Error('Nobody else writes.');
    t.equal(first.known(), appended.position);
    t.equal(await second.head(), appended.position);
    await until('the other knows', () => second.known() === appended.position);
  }
});

t.test('of two who append at one revision one is told of the conflict, and sees what won', async (t) => {
  const {
    logs: [first, second],
  } = await openSeveral(t, 2);
  const outcomes = await Promise.all([first, second].map((log) => log?.append(DESK, NO_STREAM, newFacts(2))));
  t.same(outcomes.map((appended) => appended?.outcome).sort(), ['appended', 'conflict']);
  t.match(
    outcomes,
    outcomes.map((appended) => (appended?.outcome === 'conflict' ? { actualRevision: 1 } : { revision: 1 })),
  );
  t.same(await first?.readStream(DESK, 0, 10), await second?.readStream(DESK, 0, 10));
});

t.test('one that closes takes nothing from the others', async (t) => {
  const {
    logs: [first, second, third],
  } = await openSeveral(t, 3);
  const appends = Array.from({ length: 60 }, (_, index) => second?.append(streamName('desk', `${index}`), NO_STREAM, newFacts(10)));
  await first?.close();
  t.ok((await Promise.all(appends)).every((appended) => appended?.outcome === 'appended'));
  await second?.close();
  t.match(await third?.append(streamName('chair', '1'), NO_STREAM, newFacts(1)), { outcome: 'appended' });
});

t.test('streams of others are not ours, whatever they are called', async (t) => {
  const { prefix, logs } = await openSeveral(t, 1);
  const [log] = logs;
  if (log === undefined) throw new Error('There is one.');
  const facts = newFacts(2);
  const heard: RecordedFact[] = [];
  log.subscribe(LOG_START, async (delivered) => void heard.push(...delivered), t.fail);
  const first = await log.append(DESK, NO_STREAM, facts.slice(0, 1));
  const client = stranger(t);
  const event = (type = 'noise') => jsonEvent({ type, data: { loud: true } });
  const names = [`${prefix}desk`, `${prefix}sub.desk-1`, `${prefix.slice(0, -1)}-desk-1`, `$${prefix}desk-1`, `noise-${prefix}`];
  for (const name of names) await client.appendToStream(name, [event(), event()]);
  const bytes = {
    id: newFact().id,
    type: 'noise',
    contentType: 'application/octet-stream' as const,
    data: Buffer.from('noise'),
    metadata: {},
  };
  await client.appendToStream(`${prefix}chair-1`, [event(), bytes]);
  await client.appendToStream(
    `noise-${prefix}`,
    Array.from({ length: 300 }, () => event()),
  );
  t.match(first, { position: await log.head() }, 'the newest of ours is the head, however much stands behind it');
  await log.append(DESK, 0, facts.slice(1));
  await until('both are heard', () => heard.length === 2);
  t.same(ids(heard), ids(facts));
  t.same(ids(await log.readAll(LOG_START, 100)), ids(facts));
  t.equal(heard.at(-1)?.position, await log.head(), 'and a subscriber gets to the head');
  const again = await open(t, prefix);
  t.equal(again.known(), await log.head());
  await t.rejects(log.readStream(streamName('chair', '1'), 0, 10), {
    name: 'LogFault',
    message: 'The stream chair-1 holds an event at revision 0 that Berth did not write.',
  });
});

t.test('a log without a prefix does not take those with one for its own', async (t) => {
  const plain = await open(t, '');
  const { prefix, logs } = await openSeveral(t, 1);
  const id = prefix.slice(0, -1);
  const [fact, other] = newFacts(2);
  if (fact === undefined || other === undefined) throw new Error('There are two.');
  const before = await plain.head();
  await logs[0]?.append(streamName('desk', id), NO_STREAM, [fact]);
  await plain.append(streamName('desk', id), NO_STREAM, [other]);
  t.same(ids(await plain.readStream(streamName('desk', id), 0, 10)), [other.id]);
  t.notOk(ids(await plain.readAll(before, 500)).includes(fact.id));
});

t.test('what is stored can be read by a person, and by the tools of the server', async (t) => {
  const { prefix, logs } = await openSeveral(t, 1);
  const fact = { ...newFact({ owner: 'ann' }), hash: 'a'.repeat(43) };
  await logs[0]?.append(DESK, NO_STREAM, [fact, newFact()]);
  const events = [];
  for await (const { event } of stranger(t).readStream(`${prefix}desk-1`)) events.push(event);
  const { type, id, requestId, cause, time, hash } = fact;
  const metadata = { $correlationId: requestId, $causationId: cause.id, cause: cause.kind, schemaVersion: 1, time };
  t.match(events, [{ type, id, isJson: true, data: { owner: 'ann' } }, {}]);
  t.same(
    events.map((event) => event?.metadata),
    [{ ...metadata, hash }, metadata],
  );
});

t.test('more reads at a time than a connection takes are all answered', async (t) => {
  const { logs } = await openSeveral(t, 1);
  const [log] = logs;
  await log?.append(DESK, NO_STREAM, newFacts(3));
  const pages = await Promise.all(
    Array.from({ length: 400 }, (_, index) => (index % 2 ? log?.readStream(DESK, 0, 5) : log?.readAll(0, 5))),
  );
  t.ok(pages.every((page) => page?.length === 3));
  t.equal(await log?.head(), log?.known());
});

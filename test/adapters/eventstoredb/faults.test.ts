/** What goes wrong between a broker and its log. All of it was seen on the real server, which does not do it on demand: hence on the stand-in alone. */
import t, { type Test } from 'tap';
import { type EventStoreLogOptions, openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { type StreamName, streamName } from '../../../domain/ids.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import { startStandIn } from '../../eventstore-stand-in/stand-in.ts';
import { appendAtLast } from '../../helpers/event-store.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { until } from '../../helpers/until.ts';

const DESK = streamName('desk', '1');
const ids = (facts: readonly { readonly id: string }[]) => facts.map(({ id }) => id);

async function open(t: Test, options: EventStoreLogOptions = {}) {
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  const log = await openEventStoreLog(standIn.url, options);
  t.teardown(() => log.close());
  return { standIn, log };
}

/** Everything that a subscriber hears from the beginning. */
function hear(t: Test, log: EventLog, failures?: Error[]): RecordedFact[] {
  const heard: RecordedFact[] = [];
  const failed = (error: Error) => void (failures?.push(error) ?? t.fail(error.message));
  log.subscribe(LOG_START, async (facts) => void heard.push(...facts), failed);
  return heard;
}

t.test('an append that was stored, though the answer says otherwise or never comes, is found stored by its retry', async (t) => {
  const { standIn, log } = await open(t, { callMs: 1000 });
  const heard = hear(t, log);
  const batches = [newFacts(2), newFacts(2), newFacts(2)];
  for (const [index, fault] of (['timed-out', 'never-answered', 'answered-without-position'] as const).entries()) {
    const facts = batches[index] ?? [];
    standIn.faults.appends.push(fault);
    await t.rejects(log.append(DESK, 2 * index - 1, facts), LogFault, fault);
    t.match(await log.append(DESK, 2 * index - 1, facts), { outcome: 'appended', revision: 2 * index + 1 });
  }
  t.same(ids(await log.readStream(DESK, 0, 10)), ids(batches.flat()));
  await until('all is heard', () => heard.length === 6);
});

t.test('a retry that comes while the first try is under way waits for its end', async (t) => {
  const { standIn, log } = await open(t, { callMs: 1000 });
  standIn.faults.appends.push('never-answered');
  const facts = newFacts(2);
  const [first, second] = await Promise.allSettled([log.append(DESK, NO_STREAM, facts), log.append(DESK, NO_STREAM, facts)]);
  t.match(first, {
    status: 'rejected',
    reason: { name: 'LogFault', message: /^The facts could not be written to desk-1: .* for 1 s\.$/ },
  });
  t.match(second, { status: 'fulfilled', value: { outcome: 'appended', revision: 1 } });
});

t.test('when the connection breaks under a flood all appends end, the process lives on, and retries double nothing', async (t) => {
  const { standIn, log } = await open(t);
  const heard = hear(t, log);
  const batches = Array.from({ length: 100 }, () => newFacts(20));
  standIn.faults.appends.push('disconnected');
  const append = (index: number) => log.append(streamName('desk', `${index}`), NO_STREAM, batches[index] ?? []);
  const first = await Promise.allSettled(batches.map((_, index) => append(index)));
  t.ok(first.every((outcome) => outcome.status === 'fulfilled' || outcome.reason instanceof LogFault));
  t.ok(first.some(({ status }) => status === 'rejected'));
  await standIn.start();
  for (const [index, facts] of batches.entries()) {
    const { appended } = await appendAtLast(log, streamName('desk', `${index}`), NO_STREAM, facts);
    t.match(appended, { outcome: 'appended', revision: 19 });
  }
  t.equal((await log.readAll(LOG_START, 5000)).length, 2000);
  await until('all is heard, each once', () => heard.length === 2000);
  t.same(ids(heard), ids(await log.readAll(LOG_START, 5000)));
});

t.test('while the server is away everything fails soon, and goes on when it is back, in the same order for all', async (t) => {
  const told: string[] = [];
  const { standIn, log } = await open(t, { report: (message) => told.push(message) });
  const heard = hear(t, log);
  await log.append(DESK, NO_STREAM, newFacts(1));
  await until('the first is heard', () => heard.length === 1);
  await standIn.stop();
  const began = performance.now();
  const unreachable = { name: 'LogFault', message: /the server cannot be reached \(/ };
  await t.rejects(log.append(DESK, 0, newFacts(1)), unreachable);
  await t.rejects(log.readStream(DESK, 0, 1), unreachable);
  await t.rejects(log.readAll(LOG_START, 1), unreachable);
  await t.rejects(log.head(), unreachable);
  await t.rejects(log.locks.take('leader'), unreachable);
  t.ok(performance.now() - began < 3000);
  await standIn.start();
  const other = await openEventStoreLog(standIn.url);
  t.teardown(() => other.close());
  await other.append(DESK, 0, newFacts(30));
  await appendAtLast(log, DESK, 30, newFacts(1));
  await until('what others wrote in between is heard', () => heard.length === 32);
  t.same(ids(heard), ids(await log.readStream(DESK, 0, 100)));
  t.match(told, [
    /^The connection to the log is lost: the server cannot be reached \(.*\)\. It is made again/,
    /^The connection to the log stands again/,
  ]);
});

t.test('a server that is starting is one that cannot be used yet', async (t) => {
  const { standIn, log } = await open(t);
  standIn.faults.notReady = true;
  await t.rejects(log.append(DESK, NO_STREAM, newFacts(1)), { name: 'LogFault', message: /the server is not ready yet\.$/ });
  await t.rejects(log.readAll(LOG_START, 1), { name: 'LogFault', message: /the server is not ready yet\.$/ });
  await t.rejects(log.locks.take('leader'), { name: 'LogFault', message: /the server is not ready yet\.$/ });
  await t.rejects(openEventStoreLog(standIn.url), {
    name: 'LogFault',
    message: /^The event log at esdb:\/\/127.* the server is not ready yet\.$/,
  });
  standIn.faults.notReady = false;
  t.match(await log.append(DESK, NO_STREAM, newFacts(1)), { outcome: 'appended' });
});

t.test('who may not read the log is told so', async (t) => {
  const { standIn } = await open(t);
  standIn.faults.denied = true;
  await t.rejects(openEventStoreLog(standIn.url), {
    message: /: The log could not be read: the server denies access; check the user and the password in the address of the log\.$/,
  });
});

t.test('a subscription that is refused or not confirmed keeps the log from opening', async (t) => {
  const { standIn } = await open(t);
  standIn.faults.subscriptionsDenied = true;
  await t.rejects(openEventStoreLog(standIn.url), { message: /cannot be opened: The log could not be subscribed to: / });
});

t.test('reads that are not answered end, and leave room for others', async (t) => {
  const { standIn, log } = await open(t, { callMs: 600, searchMs: 600 });
  await log.append(DESK, NO_STREAM, newFacts(2));
  standIn.faults.silentReads = true;
  const unanswered = { name: 'LogFault', message: /The server has not answered for 0\.6 s\.$/ };
  const reads = Array.from({ length: 130 }, (_, index) => (index % 2 ? log.readAll(LOG_START, 1) : log.readStream(DESK, 0, 1)));
  for (const read of reads) await t.rejects(read, unanswered);
  standIn.faults.silentReads = false;
  for (let round = 0; round < 130; round += 1) t.equal((await log.readStream(DESK, 0, 10)).length, 2);
});

t.test('too much that waits is turned away, and so is what waits too long', async (t) => {
  const { standIn, log } = await open(t, { waitingFacts: 1000, callMs: 1500 });
  const hasty = await openEventStoreLog(standIn.url, { callMs: 700 });
  t.teardown(() => hasty.close());
  standIn.faults.appends.push(...Array.from({ length: 15 }, () => 'never-answered' as const));
  const stuck = Array.from({ length: 15 }, (_, index) => log.append(streamName('stuck', `${index}`), NO_STREAM, newFacts(66)));
  const waiting = log.append(DESK, NO_STREAM, newFacts(10));
  await t.rejects(log.append(streamName('desk', '2'), NO_STREAM, newFacts(1)), {
    name: 'LogBusyError',
    message: '1000 facts are waiting for the server, and 1000 is the limit. Try again shortly.',
  });
  const late = hasty.append(streamName('desk', '3'), NO_STREAM, newFacts(1));
  const [outcome, , ...others] = await Promise.allSettled([late, waiting, ...stuck]);
  t.match(outcome, { reason: { name: 'LogBusyError', message: 'The server is behind with appends. Try again shortly.' } });
  for (const other of others) t.match(other, { reason: { name: 'LogFault' } });
  t.match(await hasty.append(DESK, NO_STREAM, newFacts(1)), { outcome: /appended|conflict/ }, 'and it goes on');
  t.same(await log.readStream(streamName('desk', '3'), 0, 10), [], 'and was never sent');
});

t.test('an append that is too big is refused before it can hurt others, or by the server', async (t) => {
  const { standIn, log } = await open(t);
  const big = (bytes: number) => [newFact({ text: 'x'.repeat(bytes) })];
  const others = Array.from({ length: 10 }, (_, index) => log.append(streamName('desk', `${index}`), NO_STREAM, newFacts(1)));
  await t.rejects(log.append(DESK, 0, big(1024 * 1024)), {
    name: 'TypeError',
    message: 'An append to EventStoreDB holds at most 1048576 bytes of data, not 1048587 (desk-1).',
  });
  t.ok((await Promise.all(others)).every(({ outcome }) => outcome === 'appended'));
  t.match(await log.append(DESK, 0, big(1024 * 1024 - 11)), { outcome: 'appended' });
  standIn.faults.maxAppendSize = 1000;
  await t.rejects(log.append(DESK, 1, big(1000)), {
    name: 'TypeError',
    message: 'The server takes at most 1000 bytes in one append, and this one to desk-1 is bigger.',
  });
  for (const name of ['desk', 'a.b-1', '$desk-1', '-1']) {
    await t.rejects(log.append(name as StreamName, NO_STREAM, newFacts(1)), {
      name: 'TypeError',
      message: `A stream in EventStoreDB needs a category without dots before its first "-", which ${name} lacks.`,
    });
  }
});

t.test('a stream that was deleted for ever is a fault, not an empty one', async (t) => {
  const { standIn, log } = await open(t);
  await log.append(DESK, NO_STREAM, newFacts(1));
  standIn.remove('desk-1', true);
  await t.rejects(log.readStream(DESK, 0, 1), { name: 'LogFault', message: /^The stream desk-1 could not be read: .*deleted/ });
  await t.rejects(log.append(DESK, 0, newFacts(1)), { name: 'LogFault' });
});

t.test('when the server comes back with another log, subscribers are told that theirs is lost', async (t) => {
  const { standIn, log } = await open(t);
  const failures: Error[] = [];
  const heard = hear(t, log, failures);
  await log.append(DESK, NO_STREAM, newFacts(3));
  await until('it is heard', () => heard.length === 3);
  await standIn.stop();
  await standIn.start({ empty: true });
  await until('it is told', () => failures.length > 0);
  const lost = /^The log at esdb:\/\/127\.0\.0\.1:\d+ is not the one that was there before: its newest fact is gone\.$/;
  t.match(failures, [{ name: 'LogFault', message: lost }]);
  log.subscribe(
    LOG_START,
    async () => undefined,
    (error) => failures.push(error),
  );
  await until('later ones too', () => failures.length > 1);
  t.equal(failures[1], failures[0]);
});

t.test('a log that had nothing yet when the server went away is followed again', async (t) => {
  const { standIn, log } = await open(t);
  const heard = hear(t, log);
  await standIn.stop();
  await standIn.start();
  await appendAtLast(log, DESK, NO_STREAM, newFacts(1));
  await until('it is heard', () => heard.length === 1);
});

t.test('the head is right even when the subscription is far behind', async (t) => {
  const { standIn, log } = await open(t);
  standIn.faults.silentSubscriptions = true;
  const other = await openEventStoreLog(standIn.url);
  t.teardown(() => other.close());
  const appended = await log.append(DESK, NO_STREAM, newFacts(250));
  t.match(appended, { position: await other.head() });
});

t.test('a log that is closed while its server is away is closed', async (t) => {
  const { standIn, log } = await open(t);
  await log.append(DESK, NO_STREAM, newFacts(1));
  await standIn.stop();
  await log.close();
});

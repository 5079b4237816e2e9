import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type ChainOptions, chained } from '../../../adapters/evidence/chained.ts';
import { createMemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { type StreamName, streamName } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError, LogFault } from '../../../domain/ports/event-log.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { eventLogContract, type OpenLog } from '../event-log.contract.ts';

const DESK = streamName('desk', '1');

async function openOn(t: Test, openLog: () => Promise<EventLog>, options?: ChainOptions): Promise<OpenLog> {
  let log = chained(await openLog(), options);
  t.teardown(() => log.close());
  return {
    log,
    async reopen() {
      await log.close();
      log = chained(await openLog(), options);
      return log;
    },
    chains: true,
  };
}

function openInMemory(t: Test, options?: ChainOptions): Promise<OpenLog> {
  const store = createMemoryStore();
  return openOn(t, async () => openMemoryEventLog(store), options);
}

function openOnDisk(t: Test): Promise<OpenLog> {
  const file = join(t.testdir(), 'log.db');
  return openOn(t, () => openSqliteEventLog(file));
}

await eventLogContract(t, 'a chained log in memory', openInMemory);
await eventLogContract(t, 'a chained log in SQLite', openOnDisk);
await eventLogContract(t, 'a chained log that remembers next to nothing', (t) => openInMemory(t, { streams: 1 }));

/** As an auditor would do it, with nothing of ours. */
function expectedHash(previous: string, fact: RecordedFact): string {
  const { stream, revision, id, type, schemaVersion, time, cause, requestId, data } = fact;
  const text = JSON.stringify([previous, stream, revision, id, type, schemaVersion, time, cause.kind, cause.id, requestId, data]);
  return createHash('sha256').update(text).digest('base64url');
}

const beginning = (stream: StreamName) => createHash('sha256').update(`Berth, stream ${stream}`).digest('base64url');

async function checkChain(t: Test, log: EventLog, stream: StreamName, length: number): Promise<void> {
  const facts = await log.readStream(stream, 0, 1000);
  t.equal(facts.length, length);
  let previous = beginning(stream);
  for (const fact of facts) {
    previous = expectedHash(previous, fact);
    t.equal(fact.hash, previous, `${stream} at ${fact.revision}`);
  }
}

for (const [name, open] of [
  ['that remembers', openInMemory],
  ['that remembers next to nothing', (t: Test) => openInMemory(t, { streams: 1 })],
  ['on disk', openOnDisk],
] as const) {
  t.test(`in a log ${name} each fact carries a hash over itself and the one before it`, async (t) => {
    const { log, reopen } = await open(t);
    const other = streamName('chair', 'ü ❄ \u0000');
    const awkward = { text: '\ud800 "\\', time: new Date(0), dropped: undefined, '10': 1, '9': [1e21, -0] };
    await log.append(DESK, NO_STREAM, newFacts(3));
    await log.append(other, NO_STREAM, [newFact(awkward)]);
    await log.append(DESK, 2, [newFact(awkward)]);
    await log.append(other, 0, newFacts(2));
    await checkChain(t, log, DESK, 4);
    const again = await reopen();
    await again.append(DESK, 3, newFacts(1));
    await checkChain(t, again, DESK, 5);
    await checkChain(t, again, other, 3);
  });
}

t.test('neither a conflict nor a retry of what is there breaks the chain, whatever is under way', async (t) => {
  const { log, reopen } = await openOnDisk(t);
  const facts = newFacts(3);
  await log.append(DESK, NO_STREAM, facts);
  await Promise.all([
    log.append(DESK, 0, newFacts(1)),
    log.append(DESK, 2, newFacts(2)),
    log.append(DESK, NO_STREAM, facts),
    log.append(DESK, 4, newFacts(1)),
    log.append(DESK, 4, newFacts(1)),
  ]);
  t.match(await log.append(DESK, 0, facts.slice(1)), { outcome: 'appended', revision: 2 });
  await checkChain(t, log, DESK, 6);
  const again = await reopen();
  t.match(await again.append(DESK, 1, facts.slice(2)), { outcome: 'appended', revision: 2 });
  t.match(await again.append(DESK, 600, newFacts(1)), { outcome: 'conflict', actualRevision: 5 });
  await again.append(DESK, 5, newFacts(1));
  await checkChain(t, again, DESK, 7);
});

t.test('behind facts that have no hash the chain begins with the last of them', async (t) => {
  const store = createMemoryStore();
  const old = openMemoryEventLog(store);
  await old.append(DESK, NO_STREAM, newFacts(2));
  const log = chained(old);
  await log.append(DESK, 1, newFacts(1));
  const [, last, first] = await log.readStream(DESK, 0, 3);
  t.equal(first?.hash, expectedHash(expectedHash(beginning(DESK), last as RecordedFact), first as RecordedFact));
});

t.test('on a shared log the facts that others append are heard, and the stream is not read again', async (t) => {
  const store = createMemoryStore();
  const shared = { ...openMemoryEventLog(store), isShared: true };
  let reads = 0;
  const counting: EventLog = {
    ...shared,
    readStream(...which) {
      reads += 1;
      return shared.readStream(...which);
    },
  };
  const [one, other] = [chained(counting), chained(shared)];
  await other.append(DESK, NO_STREAM, newFacts(2));
  await new Promise<void>((resolve) => one.subscribe(LOG_START, async () => resolve(), t.fail));
  await one.append(DESK, 1, newFacts(1));
  t.equal(reads, 0);
  await checkChain(t, one, DESK, 3);
});

t.test('more than may wait for one stream is turned away, and what waits is stored', async (t) => {
  const { log } = await openOnDisk(t);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 22 }, (_, index) => log.append(DESK, 500 * index + NO_STREAM, newFacts(500))),
  );
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 21);
  t.match(outcomes.at(-1), { reason: LogBusyError });
  t.match(outcomes.at(-1), { reason: { message: '10000 facts are waiting for their turn, and 10000 is the limit. Try again shortly.' } });
  t.match(await log.append(DESK, 10_499, newFacts(1)), { outcome: 'appended' });
});

t.test('an append that fails does not stop the one behind it; after closing none begins', async (t) => {
  const sound = openMemoryEventLog();
  let faults = 1;
  const log = chained({
    ...sound,
    append: async (...facts) => {
      if (faults-- > 0) throw new LogFault('The disk is full.');
      return sound.append(...facts);
    },
  });
  const [first, second] = await Promise.allSettled([log.append(DESK, NO_STREAM, newFacts(1)), log.append(DESK, NO_STREAM, newFacts(1))]);
  t.match(first, { reason: LogFault });
  t.match(second, { value: { outcome: 'appended', revision: 0 } });
  const closed = log.close();
  await t.rejects(log.append(DESK, 0, newFacts(1)), LogFault);
  await closed;
});

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { compareLogs } from '../../../adapters/copy/comparing.ts';
import { copyLog } from '../../../adapters/copy/copying.ts';
import { runsOf } from '../../../adapters/copy/writing.ts';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { audit } from '../../helpers/evidence.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { readWhole, writeOldLog } from '../../helpers/old-log.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

async function sqlite(t: Test): Promise<EventLog> {
  const log = await openSqliteEventLog(join(temporaryFolder(t), 'log.sqlite'));
  t.teardown(() => log.close());
  return log;
}

async function eventStore(t: Test): Promise<EventLog> {
  const { url, prefix } = await startEventStore(t);
  const log = await openEventStoreLog(url, { streamPrefix: prefix });
  t.teardown(() => log.close());
  return log;
}

function copy(from: EventLog, to: EventLog, { signal = new AbortController().signal, progress = () => {} } = {}) {
  return copyLog({ from, to, signal, progress });
}

const withoutPosition = (facts: readonly RecordedFact[]) => facts.map(({ position: _, ...fact }) => fact);

t.test('a log is the same in every store that it is copied to, one after the other, but for its positions', async (t) => {
  const first = await sqlite(t);
  await writeOldLog(t, first);
  const original = await readWhole(first, 500);
  let from = first;
  for (const open of [eventStore, eventStore, sqlite, sqlite]) {
    const to = await open(t);
    const copied = await copy(from, to);
    t.match(copied, { facts: original.length, added: original.length, from: await from.head(), to: await to.head() });
    t.strictSame(withoutPosition(await readWhole(to, 500)), withoutPosition(original));
    t.match(await audit(to), { found: [], facts: original.length, checkpoints: 2 });
    t.match(await copy(from, to), { facts: original.length, added: 0 }, 'again');
    from = to;
  }
  t.strictSame(await readWhole(from, 500), original, 'back where it came from, with the positions');
});

t.test('what was written since is added, and a copy that was cut short goes on', async (t) => {
  const from = await sqlite(t);
  const desk = streamName('desk', '1');
  await from.append(desk, NO_STREAM, newFacts(500));
  for (let stream = 0; stream < 30; stream += 1) await from.append(streamName('chair', `${stream}`), NO_STREAM, newFacts(200));
  for (const to of [await sqlite(t), await eventStore(t)]) {
    const ending = new AbortController();
    let calls = 0;
    const progress = () => {
      calls += 1;
      if (calls === 1) ending.abort(new Error('enough'));
    };
    await t.rejects(copy(from, to, { signal: ending.signal, progress }), { message: 'enough' });
    const there = (await readWhole(to, 500)).length;
    t.ok(there > 0 && there < 6500, `${there}`);
    t.match(await copy(from, to), { facts: 6500, added: 6500 - there });
  }
  const to = openMemoryEventLog();
  await copy(from, to);
  await from.append(desk, 499, newFacts(3));
  t.match(await copy(from, to), { facts: 6503, added: 3 });
});

t.test('a copy that holds something else than the beginning is refused, naming the first fact that differs', async (t) => {
  const from = openMemoryEventLog();
  const desk = streamName('desk', '1');
  const [one, two] = [newFact({ number: 1 }), newFact({ number: 2 })];
  await from.append(desk, NO_STREAM, [one, two]);
  const holding = async (...facts: Parameters<EventLog['append']>[2]) => {
    const to = openMemoryEventLog();
    await to.append(desk, NO_STREAM, facts);
    return to;
  };
  const cases: readonly (readonly [EventLog, RegExp])[] = [
    [
      await holding(two),
      /^holds desk-1 at revision 0 \(desk.moved, .*\) at position 12, where the log that is copied holds desk-1 at revision 0 .* at position 12\.$/,
    ],
    [
      await holding(one, { ...two, data: { number: 3 }, time: 7 }),
      /^holds desk-1 at revision 1 .*, and not as the log that is copied does: time, data differ\.$/,
    ],
    [await holding(one, { ...two, hash: 'h' }), /: hash differ\.$/],
    [await holding(one, two, newFact()), /^holds desk-1 at revision 2 .*, where the log that is copied ends\.$/],
  ];
  for (const [to, message] of cases) {
    const before = await readWhole(to);
    await t.rejects(copy(from, to), { name: 'DifferentLogError', message });
    t.strictSame(await readWhole(to), before);
  }
});

t.test('an append whose outcome is not known is repeated, and one that others come before is not', async (t) => {
  const from = await sqlite(t);
  await from.append(streamName('desk', '1'), NO_STREAM, newFacts(3));
  const inner = openMemoryEventLog();
  let faults = 2;
  const shaky: EventLog = {
    ...inner,
    isShared: true,
    async append(...append) {
      const appended = await inner.append(...append);
      faults -= 1;
      if (faults >= 0) throw new LogFault('unknown');
      return appended;
    },
  };
  t.match(await copy(from, shaky), { facts: 3, added: 3 });
  const meddled: EventLog = { ...openMemoryEventLog(), append: async () => ({ outcome: 'conflict', actualRevision: 4 }) };
  await t.rejects(copy(from, meddled), { message: 'The copy is written to by somebody else: desk-1 stands at revision 4, not -1.' });
  const late: EventLog = { ...openMemoryEventLog(), append: async () => ({ outcome: 'appended', revision: 2, position: 0 }) };
  await t.rejects(copy(from, late), { message: 'The copy is out of order: desk-1 at revision 0 was there before.' });
  const lost: EventLog = { ...openMemoryEventLog(), append: async () => ({ outcome: 'appended', revision: 2, position: 9 }) };
  await t.rejects(copy(from, lost), { message: 'holds 0 facts and not the 3 that were copied.' });
  const full: EventLog = { ...openMemoryEventLog(), append: () => Promise.reject(new LogFault('The disk is full.')) };
  await t.rejects(copy(from, full), { message: 'The disk is full.' });
  const torn: EventLog = { ...inner, readStream: async () => [] };
  await t.rejects(copy(from, torn), { message: 'does not give desk-1 back up to revision 2.' });
});

t.test('what follows one another in a stream goes together, up to a size', async (t) => {
  const log = openMemoryEventLog();
  const desk = streamName('desk', '1');
  await log.append(desk, NO_STREAM, newFacts(500));
  await log.append(desk, 499, [...newFacts(1), newFact({ text: 'x'.repeat(400_000) }), newFact({ text: 'x'.repeat(400_000) })]);
  await log.append(streamName('chair', '1'), NO_STREAM, newFacts(2));
  const sizes = [...runsOf(await log.readAll(0, 600))].map((run) => run.length);
  t.same(sizes, [500, 2, 1, 2]);
  t.same([...runsOf([])], []);
});

t.test('large facts are copied in portions', async (t) => {
  const from = await sqlite(t);
  for (let number = 0; number < 9; number += 1) {
    const facts = Array.from({ length: 4 }, () => newFact({ text: 'x'.repeat(500_000) }));
    await from.append(streamName('desk', `${number}`), NO_STREAM, facts);
  }
  const to = openMemoryEventLog();
  t.match(await copy(from, to), { added: 36 });
  const signal = new AbortController().signal;
  t.match(await compareLogs({ from: to, to: from, signal, progress: () => undefined }), { facts: 36 });
});

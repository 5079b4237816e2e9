import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import { type ReplayOptions, replay } from '../../projections/replay.ts';
import { createRecordingLogger, dump, factOf, openReadModel, temporaryFolder } from '../helpers/read-model.ts';
import { wish } from '../helpers/samples.ts';

const session = (number: number) => streamName('session', `s${number}`);
const REQUESTED = { type: 'session.requested', data: wish() };

/** Sessions 1 to `count`, asked for at times 1, 2, 3 … */
async function fill(log: EventLog, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) await log.append(session(number), NO_STREAM, [factOf(REQUESTED, number)]);
}

/** A new file, and a way to fold more and more of the log into it. */
async function begin(t: Test, log: Pick<EventLog, 'readAll'>) {
  const file = join(temporaryFolder(t), 'fresh.db');
  const database = await openReadDatabase(file, { logger: createRecordingLogger() });
  t.teardown(database.close);
  return {
    file,
    on: (until: ReplayOptions['until'], more: Partial<ReplayOptions> = {}) =>
      replay({ log, database, projections: PROJECTIONS, logger: createRecordingLogger(), until, ...more }),
    ids: async () => (await database.reader.selectFrom('sessions').select('id').orderBy('position').execute()).map(({ id }) => id),
    close: database.close,
  };
}

t.test('a log that is folded again, in whatever parts, gives what following it gave', async (t) => {
  const log = openMemoryEventLog();
  const model = await openReadModel(t, log);
  await fill(log, 12_000);
  const head = await log.head();
  t.equal(await model.projector.reached(head, 60_000), true);
  await model.close();
  const fresh = await begin(t, log);
  const told: (readonly [number, number])[] = [];
  t.match(await fresh.on({ time: 3000 }), { facts: 3000, last: { time: 3000 } }, 'a whole number of pages');
  t.match(await fresh.on({ position: head }, { progress: (...now) => told.push(now) }), {
    facts: 9000,
    last: { position: head, time: 12_000 },
  });
  t.strictSame(told.at(-1), [head, 9000]);
  t.strictSame(await fresh.on({ position: head }), { facts: 0, last: undefined }, 'nothing more');
  await fresh.close();
  t.strictSame(await dump(fresh.file), await dump(model.file));
});

t.test('it ends behind a position, or before the first fact that is later than a time', async (t) => {
  const log = openMemoryEventLog();
  for (const [number, time] of [10, 20, 15, 30, 12].entries()) await log.append(session(number), NO_STREAM, [factOf(REQUESTED, time)]);
  const positions = (await log.readAll(0, 10)).map(({ position }) => position);
  const ids = async (until: ReplayOptions['until']) => {
    const fresh = await begin(t, log);
    const { last } = await fresh.on(until);
    return [...(await fresh.ids()), last?.time];
  };
  t.strictSame(await ids({ time: 9 }), [undefined], 'before the first');
  t.strictSame(await ids({ time: 19 }), ['s0', 10]);
  t.strictSame(await ids({ time: 20 }), ['s0', 's1', 's2', 15]);
  t.strictSame(await ids({ time: 99 }), ['s0', 's1', 's2', 's3', 's4', 12]);
  t.strictSame(await ids({ position: (positions[1] ?? 0) + 1 }), ['s0', 's1', 20], 'between two facts');
  t.strictSame(await ids({ position: 0 }), [undefined]);
});

t.test('a log that cannot be read, a database that cannot be written and a change of mind end it', async (t) => {
  const log = openMemoryEventLog();
  await fill(log, 3000);
  let reads = 0;
  const failing = await begin(t, {
    readAll: (after, limit) => {
      reads += 1;
      return reads === 2 ? Promise.reject(new Error('gone')) : log.readAll(after, limit);
    },
  });
  await t.rejects(failing.on({ time: 9999 }), { message: 'gone' });

  const ending = new AbortController();
  const stopped = await begin(t, log);
  await t.rejects(stopped.on({ time: 9999 }, { signal: ending.signal, progress: () => ending.abort(new Error('enough')) }), {
    message: 'enough',
  });
  t.strictSame(await stopped.ids(), []);

  const closing = await begin(t, log);
  await t.rejects(closing.on({ time: 9999 }, { progress: () => void closing.close() }), /closed/);
});

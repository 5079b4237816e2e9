import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { LOG_START, NO_STREAM } from '../../domain/facts.ts';
import { streamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import { createProjector, type Projector } from '../../projections/projector.ts';
import { createSessionQueries } from '../../projections/session-queries.ts';
import { createRecordingLogger, dump, factOf, openReadModel, temporaryFolder } from '../helpers/read-model.ts';
import { wish } from '../helpers/samples.ts';
import { createSimulatedClock, type SimulatedClock } from '../helpers/simulated-clock.ts';

const session = (id: string) => streamName('session', id);
const REQUESTED = { type: 'session.requested', data: wish() };

/** Until something is so; the database works on other threads, whose time is nobody's to simulate. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function request(log: EventLog, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await log.append(session(id), NO_STREAM, [factOf(REQUESTED, 1)]);
}

t.test('a read database that is deleted comes back the same', async (t) => {
  const log = openMemoryEventLog();
  const first = await openReadModel(t, log);
  for (let number = 0; number < 1200; number += 1) await log.append(session(`s${number}`), NO_STREAM, [factOf(REQUESTED, number)]);
  t.equal(await first.projector.reached(await log.head(), 10_000), true);
  await first.close();
  const before = await dump(first.file);
  rmSync(first.file);

  const second = await openReadModel(t, log, first.file);
  t.equal(await second.projector.reached(await log.head(), 10_000), true);
  await second.close();
  t.strictSame(await dump(first.file), before);
  t.equal(before['sessions']?.length, 1200);
});

t.test('a projector goes on where it was when it ended', async (t) => {
  const log = openMemoryEventLog();
  const first = await openReadModel(t, log);
  await first.record(session('s1'), 1, REQUESTED);
  await first.close();
  const seen: number[] = [];
  const watched: EventLog = {
    ...log,
    subscribe: (after, deliver, failed) => {
      seen.push(after);
      return log.subscribe(after, deliver, failed);
    },
  };
  const second = await openReadModel(t, watched, first.file);
  t.strictSame(seen, [await log.head()]);
  t.equal(second.projector.position(), await log.head());
});

t.test('a fact that a projection does not know is ignored aloud, and once for its type', async (t) => {
  const { logger, record } = await openReadModel(t);
  const odd = { type: 'session.teleported', data: {} };
  await record(session('s1'), 1, REQUESTED, odd, odd);
  await record(streamName('signing', 'keys'), 1, { type: 'signing-keys.renewed', data: {} });
  const complaints = logger.lines.filter(({ level }) => level === 'warn');
  t.match(complaints, [{ details: { projection: 'sessions', type: 'session.teleported', stream: 'session-s1', err: undefined } }]);
  t.equal(complaints.length, 1);
});

t.test('a fact that a projection cannot digest stops nobody, and complaints have a limit', async (t) => {
  const model = await openReadModel(t);
  await model.record(session('s1'), 1, { type: 'session.adopted', data: [] }, REQUESTED);
  t.match(model.logger.lines.at(-1), { level: 'info' }, 'strange but digestible');
  await model.record(streamName('server', 'a'), 1, { type: 'server.described', data: {} });
  t.match(model.logger.lines.at(-1), { level: 'warn', details: { type: 'server.described', err: TypeError } });
  const strange = Array.from({ length: 150 }, (_, number) => ({ type: `session.strange-${number}`, data: {} }));
  await model.record(session('s2'), 1, ...strange, REQUESTED);
  t.equal(model.logger.lines.filter(({ level }) => level === 'warn').length, 100);
  const { items } = await createSessionQueries(model.database.reader, { deletedVisibleMs: 0 }).describe({ limit: 10 }, 1);
  t.match(items, [{ view: { id: 's1' } }, { view: { id: 's2' } }]);
});

t.test('a read database that is ahead of the log belongs to another log and is built again', async (t) => {
  const first = await openReadModel(t);
  await first.record(session('old-1'), 1, REQUESTED);
  await first.record(session('old-2'), 1, REQUESTED);
  await first.close();
  const log = openMemoryEventLog();
  await request(log, 'new');
  const second = await openReadModel(t, log, first.file);
  t.match(second.logger.lines, [{ level: 'info' }, { level: 'warn', details: { head: await log.head() } }]);
  t.equal(await second.projector.reached(await log.head(), 10_000), true);
  await second.close();
  t.match(await dump(first.file), { sessions: [{ id: 'new' }], cursor: [{ position: await log.head() }] });
});

t.test('a read database of another log that has come as far is built again, and one whose last fact has left the log is not', async (t) => {
  const first = await openReadModel(t);
  await first.record(session('old'), 1, REQUESTED);
  const position = await first.log.head();
  await first.close();
  const log = openMemoryEventLog();
  await request(log, 'new', 'newer');
  t.equal((await log.readAll(LOG_START, 1))[0]?.position, position);
  const second = await openReadModel(t, log, first.file);
  t.match(second.logger.lines, [{ level: 'info' }, { level: 'warn', message: /is of another log/ }]);
  t.equal(await second.projector.reached(await log.head(), 10_000), true);
  await second.projector.stop();
  await request(log, 'newest');
  t.equal(await log.remove(session('newer'), { revision: 0, hash: 'h', note: 'n' }), true);
  const third = await openReadModel(t, log, first.file);
  t.equal(await third.projector.reached(await log.head(), 10_000), true);
  t.match(
    third.logger.lines.map(({ level }) => level),
    ['info'],
  );
  t.match((await dump(first.file))['sessions'], [{ id: 'new' }, { id: 'newer' }, { id: 'newest' }]);
  await third.close();
});

interface Fallible {
  readonly projector: Projector;
  readonly log: EventLog;
  readonly clock: SimulatedClock;
  readonly file: string;
  readonly errors: () => readonly unknown[];
}

/** A read model under a simulated clock, on a log whose subscription is handed over. */
async function openFallible(t: Test, log: EventLog): Promise<Fallible> {
  const file = join(temporaryFolder(t), 'read.db');
  const logger = createRecordingLogger();
  const clock = createSimulatedClock();
  const database = await openReadDatabase(file, { logger });
  const projector = createProjector({ log, database, projections: PROJECTIONS, logger, clock });
  await projector.start();
  t.teardown(async () => {
    await projector.stop();
    await database.close();
  });
  return { projector, log, clock, file, errors: () => logger.lines.filter(({ level }) => level === 'error').map(({ details }) => details) };
}

t.test('while the read database cannot be written the projector tries again, later each time, and loses nothing', async (t) => {
  const { projector, log, clock, file, errors } = await openFallible(t, openMemoryEventLog());
  const saboteur = await openConnection(file, {});
  await saboteur.exec("CREATE TRIGGER sabotage BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'sabotage'); END");
  await request(log, 's1');
  await until(() => errors().length === 1);
  await request(log, 's2');
  for (const [delayMs, expected] of [
    [100, 2],
    [200, 3],
  ] as const) {
    await clock.advance(delayMs);
    await until(() => errors().length === expected);
  }
  t.match(errors(), [{ delayMs: 100, err: /sabotage/ }, { delayMs: 200 }, { delayMs: 400 }]);
  t.equal(projector.position(), LOG_START);
  await saboteur.exec('DROP TRIGGER sabotage');
  await saboteur.close();
  const reached = projector.reached(await log.head(), 1e9);
  await clock.advance(400);
  t.equal(await reached, true);
  await request(log, 's3');
  t.equal(await projector.reached(await log.head(), 1e9), true);
  t.equal((await dump(file))['sessions']?.length, 3);
});

t.test('a lost log is followed again from the cursor', async (t) => {
  const real = openMemoryEventLog();
  const losses: ((error: Error) => void)[] = [];
  const log: EventLog = {
    ...real,
    subscribe: (after, deliver, failed) => {
      losses.push(failed);
      return real.subscribe(after, deliver, failed);
    },
  };
  const { projector, clock, file, errors } = await openFallible(t, log);
  await request(log, 's1');
  t.equal(await projector.reached(await log.head(), 1e9), true);
  losses[0]?.(new Error('gone'));
  losses[0]?.(new Error('gone'));
  t.match(errors(), [{ delayMs: 100, err: /gone/ }], 'said once');
  await request(log, 's2');
  const reached = projector.reached(await log.head(), 1e9);
  await clock.advance(100);
  t.equal(await reached, true);
  t.equal((await dump(file))['sessions']?.length, 2);
});

t.test('a projector that is stopped tries no more', async (t) => {
  const real = openMemoryEventLog();
  let failed: ((error: Error) => void) | undefined;
  let lost = false;
  const log: EventLog = {
    ...real,
    head: async () => {
      if (lost) throw new Error('still gone');
      return real.head();
    },
    subscribe: (after, deliver, whenFailed) => {
      failed = whenFailed;
      return real.subscribe(after, deliver, whenFailed);
    },
  };
  const { projector, clock, errors } = await openFallible(t, log);
  lost = true;
  failed?.(new Error('gone'));
  await clock.advance(100, () => until(() => errors().length > 0));
  await until(() => errors().length === 2);
  t.match(errors(), [{ delayMs: 100 }, { delayMs: 200, err: /still gone/ }]);
  await projector.stop();
  await clock.advance(60_000);
  t.equal(errors().length, 2);
});

for (const outcome of ['works', 'fails']) {
  t.test(`stopping while it starts again leaves nothing behind, when that ${outcome}`, async (t) => {
    const real = openMemoryEventLog();
    let failed: ((error: Error) => void) | undefined;
    let subscriptions = 0;
    let answer: (() => void) | undefined;
    const log: EventLog = {
      ...real,
      async head() {
        if (subscriptions > 0) {
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          if (outcome === 'fails') throw new Error('still gone');
        }
        return 0;
      },
      subscribe: (after, deliver, whenFailed) => {
        failed = whenFailed;
        subscriptions += 1;
        return real.subscribe(after, deliver, whenFailed);
      },
    };
    const { projector, clock, errors } = await openFallible(t, log);
    failed?.(new Error('gone'));
    await clock.advance(100);
    await until(() => answer !== undefined);
    const stopped = projector.stop();
    answer?.();
    await stopped;
    await clock.advance(60_000);
    t.equal(subscriptions, 1);
    t.equal(errors().length, 1);
  });
}

t.test('what is reached already costs no waiting, and what is not reached in time is false', async (t) => {
  const { projector, log, clock } = await openFallible(t, openMemoryEventLog());
  t.equal(await projector.reached(LOG_START, 0), true);
  const late = projector.reached(1e9, 50);
  await clock.advance(50);
  t.equal(await late, false);
  const soon = projector.reached(1, 10_000);
  await request(log, 's1');
  t.equal(await soon, true);
  const never = projector.reached(1e9, 60_000);
  await projector.stop();
  t.equal(await never, false, 'nobody waits for a projector that has stopped');
});

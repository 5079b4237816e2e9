import t from 'tap';
import { streamName } from '../../domain/ids.ts';
import { startPurging } from '../../projections/purging.ts';
import { createRecordingLogger, openReadModel } from '../helpers/read-model.ts';
import { wish } from '../helpers/samples.ts';
import { createSimulatedClock } from '../helpers/simulated-clock.ts';
import { pause, until } from '../helpers/until.ts';

const HOUR = 3_600_000;
const REQUESTED = { type: 'session.requested', data: wish() };
const DELETED = { type: 'session.deleted', data: { reason: 'Closed.' } };

t.test('sessions deleted long ago are forgotten a few at a time, and all others stay', async (t) => {
  const model = await openReadModel(t);
  const clock = createSimulatedClock();
  const begin = clock.now();
  const old = Array.from({ length: 1100 }, (_, number) => `old-${number}`);
  await Promise.all(old.map((id) => model.record(streamName('session', id), begin, REQUESTED, DELETED)));
  await model.record(streamName('session', 'late'), begin + HOUR, REQUESTED, DELETED);
  await model.record(streamName('session', 'alive'), begin, REQUESTED);
  const kept = async () => (await model.database.reader.selectFrom('sessions').select('id').orderBy('id').execute()).map(({ id }) => id);
  const purged = async () =>
    (await model.database.reader.selectFrom('cursor').select('purged_before').executeTakeFirstOrThrow()).purged_before;

  const purging = startPurging({ database: model.database, clock, logger: createRecordingLogger(), visibleMs: HOUR });
  await clock.advance(HOUR);
  t.equal((await kept()).length, 1102, 'while they are shown, and a while longer');
  t.equal(await purged(), 0);
  await clock.advance(HOUR + 60_000);
  while ((await kept()).length > 2) await clock.advance(60_000, () => pause(10));
  t.strictSame(await kept(), ['alive', 'late']);
  t.ok((await purged()) > begin, 'which can be seen');
  await purging.stop();
  await clock.advance(10 * HOUR);
  t.strictSame(await kept(), ['alive', 'late'], 'nothing more after the end');
});

t.test('when the read database cannot be written it is tried again', async (t) => {
  const model = await openReadModel(t);
  const clock = createSimulatedClock();
  const logger = createRecordingLogger();
  const purging = startPurging({ database: model.database, clock, logger, visibleMs: 0 });
  await model.close();
  for (const tries of [1, 2]) {
    await clock.advance(60_000);
    await until('it is said', () => logger.lines.length === tries);
  }
  t.match(logger.lines, [{ level: 'error' }, { level: 'error' }]);
  await purging.stop();
});

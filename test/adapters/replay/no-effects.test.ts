/** What is folded again has happened already: nobody is told to do anything because of it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openDesk } from '../../../adapters/replay/desk.ts';
import { claimReplayFolder } from '../../../adapters/replay/folder.ts';
import { handOver } from '../../../adapters/replay/handover.ts';
import { rebuild } from '../../../adapters/replay/rebuilding.ts';
import { claimDataFolder } from '../../../adapters/sqlite/data-folder.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { openReadDatabase } from '../../../adapters/sqlite/read-database.ts';
import type { Clock } from '../../../domain/ports/clock.ts';
import { PROJECTIONS } from '../../../projections/all.ts';
import { replay } from '../../../projections/replay.ts';
import { SILENT, setUpCore } from '../../helpers/core.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { description, ORIGIN } from '../../helpers/samples.ts';
import { pause } from '../../helpers/until.ts';

/** Length and content of the log's files. */
const bytesOf = (file: string) =>
  [file, `${file}-wal`].filter(existsSync).map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));

t.test('a replay sends no order, arms no deadline and writes no byte to the log, also when it is taken over', async (t) => {
  const file = join(temporaryFolder(t), 'log.sqlite');
  const log = await openSqliteEventLog(file);
  const broker = await setUpCore(t, {}, () => log);
  await broker.greet('A', { description: description({ hostname: 'A', maxVirtualSessions: 2 }) });
  await broker.greet('B', { description: description({ hostname: 'B', maxVirtualSessions: 0 }) });
  const outstanding = await broker.create();
  const leaving = await broker.create();
  const queued = await broker.create({ enqueue: true });
  t.match([outstanding, leaving, queued], [{ state: 'CREATING' }, { state: 'CREATING' }, { state: 'CREATING' }]);
  const id = typeof leaving === 'string' ? '' : leaving.id;
  await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: false }], ORIGIN);
  broker.core.reception.lost('B' as Parameters<typeof broker.core.reception.lost>[0], 'Silent.');
  await broker.settle();
  await broker.pass(1000);

  let armed = 0;
  const { after } = broker.clock;
  const counting: Clock['after'] = (...timer) => {
    armed += 1;
    return after(...timer);
  };
  const orders = broker.sent.length;
  const bytes = bytesOf(file);
  const head = await log.head();
  t.ok(orders > 0 && head > 10, `${orders} orders and ${head} facts so far`);
  Object.assign(broker.clock, { after: counting });

  const claim = await claimDataFolder(join(broker.readModels, '..'));
  const desk = await openDesk({ log, database: broker.database, standStill: broker.core.standStill, logger: SILENT }, broker.readModels);
  const folder = await claimReplayFolder(broker.readModels);
  const { signal } = new AbortController();
  const rebuilt = await rebuild({ log, folder, projections: PROJECTIONS, logger: SILENT, limit: 9, signal, progress: () => undefined });
  t.match(rebuilt, { facts: head, comparison: { rows: 0 } });
  t.strictSame(await handOver(folder), { taken: true });
  const past = await openReadDatabase(join(folder.path, 'past.sqlite'), { logger: SILENT });
  for (const position of [1, 5, head]) {
    await replay({ log, database: past, projections: PROJECTIONS, logger: SILENT, until: { position } });
  }
  await past.close();
  await broker.settle();
  await pause(200);

  t.equal(broker.sent.length, orders, 'no order');
  t.equal(armed, 0, 'no deadline');
  t.strictSame(bytesOf(file), bytes, 'no byte');
  t.equal(await log.head(), head, 'no fact');
  await desk.stop();
  await folder.release();
  await claim.release();
  await broker.pass(1_900_000);
  t.ok(armed > 0 && (await log.head()) > head, 'while those that were armed before still are');
});

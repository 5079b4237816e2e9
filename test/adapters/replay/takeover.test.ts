/** Read models that were built anew, and how they come to be those in use: by a broker that runs, that starts, or without one. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { openDesk, openReadModels } from '../../../adapters/replay/desk.ts';
import { claimReplayFolder, makeReplayFolder, replayFolder } from '../../../adapters/replay/folder.ts';
import { handOver } from '../../../adapters/replay/handover.ts';
import { rebuild } from '../../../adapters/replay/rebuilding.ts';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { claimDataFolder } from '../../../adapters/sqlite/data-folder.ts';
import { systemClock } from '../../../adapters/system.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import type { EventLog } from '../../../domain/ports/event-log.ts';
import { PROJECTIONS } from '../../../projections/all.ts';
import { createProjector } from '../../../projections/projector.ts';
import { createSessionQueries } from '../../../projections/session-queries.ts';
import { SILENT } from '../../helpers/core.ts';
import { factOf, temporaryFolder } from '../../helpers/read-model.ts';
import { wish } from '../../helpers/samples.ts';
import { pause, until } from '../../helpers/until.ts';

const inUse = (dataDir: string) => join(dataDir, 'read-models.sqlite');

async function request(log: EventLog, id: string): Promise<void> {
  await log.append(streamName('session', id), NO_STREAM, [factOf({ type: 'session.requested', data: wish({ name: 'right' }) }, 1)]);
}

/** As much of a broker as has to do with it. */
async function startBroker(dataDir: string, log: EventLog) {
  const errors: object[] = [];
  const logger = { ...SILENT, error: (details: object) => void errors.push(details) };
  const claim = await claimDataFolder(dataDir);
  const database = await openReadModels(inUse(dataDir), logger);
  const projector = createProjector({ log, database, projections: PROJECTIONS, logger, clock: systemClock });
  await projector.start();
  await projector.reached(await log.head(), 10_000);
  const desk = await openDesk({ log, database, standStill: projector.standStill, logger }, inUse(dataDir));
  const queries = createSessionQueries(database.reader, { deletedVisibleMs: 0 });
  const stop = async () => {
    await desk.stop();
    await projector.stop();
    await database.close();
    await claim.release();
  };
  return {
    errors,
    projector,
    async names() {
      const { items } = await queries.describe({ limit: 1000 }, 1);
      return items.map(({ view }) => view.name);
    },
    stop,
  };
}

async function build(dataDir: string, log: Pick<EventLog, 'readAll' | 'head'>) {
  const folder = await claimReplayFolder(inUse(dataDir));
  const progress = () => undefined;
  const options = { log, folder, projections: PROJECTIONS, logger: SILENT, limit: 10, signal: new AbortController().signal, progress };
  return { folder, rebuilt: await rebuild(options) };
}

/** Makes the read models in use wrong. */
async function sabotage(dataDir: string): Promise<void> {
  const connection = await openConnection(replayFolder(inUse(dataDir)).inUse, {});
  await connection.exec("UPDATE sessions SET spec = json_set(spec, '$.name', 'wrong')");
  await connection.close();
}

/** Names of the sessions that a broker describes which starts now. */
async function namesAfterStart(dataDir: string, log: EventLog): Promise<readonly string[]> {
  const broker = await startBroker(dataDir, log);
  const names = await broker.names();
  await broker.stop();
  return names;
}

/** A data folder with a log of three sessions and read models in which their names are wrong. */
async function setUp(t: Test) {
  const dataDir = temporaryFolder(t);
  const log = openMemoryEventLog();
  for (const id of ['a', 'b', 'c']) await request(log, id);
  await (await startBroker(dataDir, log)).stop();
  await sabotage(dataDir);
  t.strictSame(await namesAfterStart(dataDir, log), ['wrong', 'wrong', 'wrong']);
  return { dataDir, log };
}

t.test('a running broker takes them over, and every answer before, meanwhile and after holds what was acknowledged', async (t) => {
  const { dataDir, log } = await setUp(t);
  const broker = await startBroker(dataDir, log);
  let isOver = false;
  let acknowledged = 3;
  const counts: string[] = [];
  async function write(): Promise<void> {
    while (!isOver) {
      await request(log, `later-${acknowledged}`);
      acknowledged += 1;
      await pause(1);
    }
  }
  async function read(): Promise<void> {
    while (!isOver) {
      const expected = acknowledged;
      t.equal(await broker.projector.reached(await log.head(), 10_000), true);
      const names = await broker.names();
      if (names.length < expected) t.fail(`${names.length} of ${expected} sessions`);
      counts.push(`${names.filter((name) => name === 'wrong').length} wrong`);
    }
  }
  const load = [write(), read(), read(), read()];
  const { folder, rebuilt } = await build(dataDir, log);
  t.match(rebuilt.comparison, { rows: 3 });
  t.strictSame(await handOver(folder), { taken: true });
  await pause(50);
  isOver = true;
  await Promise.all(load);
  t.equal(counts[0], '3 wrong');
  t.equal(counts.at(-1), '0 wrong');
  t.strictSame(counts.toSorted().toReversed(), counts, 'once right, always right');
  await folder.release();
  await broker.stop();
  t.strictSame(
    await namesAfterStart(dataDir, log),
    Array.from({ length: acknowledged }, () => 'right'),
  );
  t.strictSame(broker.errors, []);
});

t.test('without a broker they are put in place at once', async (t) => {
  const { dataDir, log } = await setUp(t);
  const { folder, rebuilt } = await build(dataDir, log);
  t.match(rebuilt, { facts: 3, position: await log.head(), comparison: { rows: 3 } });
  t.strictSame(await handOver(folder), { taken: true });
  await folder.release();
  t.strictSame(await namesAfterStart(dataDir, log), ['right', 'right', 'right']);
  const { folder: again, rebuilt: same } = await build(dataDir, log);
  t.match(same.comparison, { rows: 0, position: await log.head() });
  writeFileSync(again.fresh, 'Dear diary, today was a day. '.repeat(100));
  t.match(await handOver(again), { refused: /SQLITE_NOTADB/ }, 'nor is everything');
  await again.release();
});

t.test('what a broker cannot use it refuses, and goes on with what it has', async (t) => {
  const { dataDir, log } = await setUp(t);
  let isReadable = true;
  const readAll: EventLog['readAll'] = async (...page) => (isReadable ? log.readAll(...page) : Promise.reject(new Error('gone')));
  const broker = await startBroker(dataDir, { ...log, readAll });
  const { folder } = await build(dataDir, log);

  writeFileSync(folder.fresh, 'Dear diary, today was a day. '.repeat(100));
  t.match(await handOver(folder), { refused: /SQLITE_NOTADB/ });
  await folder.release();

  const other = openMemoryEventLog();
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await request(other, id);
  const { folder: foreign } = await build(dataDir, other);
  t.match(await handOver(foreign), { refused: /of another log/ });
  await foreign.release();

  const { folder: third } = await build(dataDir, log);
  await request(log, 'd');
  isReadable = false;
  t.match(await handOver(third), { refused: 'it failed (Error: gone)' });
  await third.release();
  t.equal(broker.errors.length, 1);
  await broker.projector.reached(await log.head(), 10_000);
  t.strictSame(await broker.names(), ['wrong', 'wrong', 'wrong', 'right']);
  await broker.stop();
});

t.test('read models of another log are told apart', async (t) => {
  const { dataDir } = await setUp(t);
  const { folder, rebuilt } = await build(dataDir, openMemoryEventLog());
  t.match(rebuilt, { facts: 0, comparison: { impossible: /of another log$/ } });
  rmSync(folder.inUse);
  await folder.release();
  const { folder: second, rebuilt: alone } = await build(dataDir, openMemoryEventLog());
  t.equal(alone.comparison, undefined, 'and where there are none, there is nothing to compare with');
  await second.release();
});

t.test('what waits when a broker starts is taken then, unless it is of no use', async (t) => {
  const { dataDir, log } = await setUp(t);
  const { folder } = await build(dataDir, log);
  renameSync(folder.fresh, folder.next);
  await folder.release();
  t.strictSame(await namesAfterStart(dataDir, log), ['right', 'right', 'right'], 'asked before the start');
  await sabotage(dataDir);
  const { folder: second } = await build(dataDir, log);
  renameSync(second.fresh, second.taking);
  writeFileSync(`${second.taking}-wal`, '');
  await second.release();
  t.strictSame(await namesAfterStart(dataDir, log), ['right', 'right', 'right'], 'killed while it took them');
  writeFileSync(second.next, 'Dear diary, today was a day. '.repeat(100));
  t.strictSame(await namesAfterStart(dataDir, log), ['right', 'right', 'right'], 'nonsense');
  t.notOk(existsSync(second.next));
});

t.test('a broker that does not answer is not waited for for ever', async (t) => {
  const { dataDir, log } = await setUp(t);
  const claim = await claimDataFolder(dataDir);
  const { folder } = await build(dataDir, log);
  t.match(await handOver(folder, 0), { refused: /does not answer/ });
  t.ok(existsSync(folder.fresh), 'and cannot take it later');
  await claim.release();
  await folder.release();
});

t.test('when a broker ends before it has taken them, whoever asked puts them in place', async (t) => {
  const { dataDir, log } = await setUp(t);
  const claim = await claimDataFolder(dataDir);
  const { folder } = await build(dataDir, log);
  const asked = handOver(folder);
  await until('it is asked', () => existsSync(folder.next));
  renameSync(folder.next, folder.taking);
  await pause(700);
  await claim.release();
  t.strictSame(await asked, { taken: true });
  t.match(await handOver(folder), { refused: /has ended without saying/ }, 'nothing is left');
  await folder.release();
  t.strictSame(await namesAfterStart(dataDir, log), ['right', 'right', 'right']);
});

t.test('a folder that cannot be used is said to be so', async (t) => {
  const { dataDir, log } = await setUp(t);
  const { folder } = await build(dataDir, log);
  await t.rejects(claimReplayFolder(inUse(dataDir)), { message: `Another replay is under way in ${dataDir}; wait for it to end.` });
  rmSync(join(dataDir, 'broker.pid'));
  mkdirSync(join(dataDir, 'broker.pid'));
  await t.rejects(handOver(folder), /is not writable/);
  await folder.release();
});

t.test('an answer that cannot be written is no reason to end, nor to try for ever', async (t) => {
  const { dataDir, log } = await setUp(t);
  const folder = replayFolder(inUse(dataDir));
  await makeReplayFolder(folder);
  const broker = await startBroker(dataDir, log);
  mkdirSync(folder.answer);
  writeFileSync(folder.next, 'nonsense');
  await until('it is logged', () => broker.errors.length > 0);
  t.match(broker.errors, [{ err: { code: 'EISDIR' } }]);
  await broker.stop();
});

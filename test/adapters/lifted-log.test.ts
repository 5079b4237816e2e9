/** A log over the years: what an earlier Berth wrote is served as if it were of today, and what a later one wrote is not guessed at. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startBroker } from '../../adapters/broker.ts';
import { brokerConfig } from '../../adapters/config.ts';
import { liftedLog } from '../../adapters/lifted-log.ts';
import { createMemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openSqliteEventLog } from '../../adapters/sqlite/event-log.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { LOG_START, type NewFact, NO_STREAM, type Statement } from '../../domain/facts.ts';
import { factId, streamName } from '../../domain/ids.ts';
import { SILENT, setUpCore } from '../helpers/core.ts';
import { openReadModel, temporaryFolder } from '../helpers/read-model.ts';
import { description, ORIGIN, wish } from '../helpers/samples.ts';
import { eventLogContract } from './event-log.contract.ts';

await eventLogContract(t, 'a lifted log', async () => {
  const store = createMemoryStore();
  const open = () => liftedLog(openMemoryEventLog(store));
  return { log: open(), reopen: async () => open() };
});

const stored = (statement: Statement, schemaVersion = 1): NewFact => ({
  ...ORIGIN,
  ...statement,
  schemaVersion,
  id: factId(systemRandom.uuid()),
  time: Date.UTC(2026, 0, 1),
});

/** A session as the first version of Berth recorded it. */
const OLD_LIFE = [
  { type: 'session.requested', data: wish() },
  { type: 'session.placed', data: { serverId: 'A', attempt: 1 } },
  { type: 'session.failed', data: { attempt: 1, reason: 'No.', retrying: true } },
  { type: 'session.placed', data: { serverId: 'A', attempt: 2, policy: 'pack', candidates: ['A'], considered: 1, turnedDown: {} } },
  { type: 'session.started', data: { attempt: 2 } },
];
const FUTURE = stored({ type: 'session.placed', data: { server: 'A' } }, 3);
const SENTENCE =
  /^The fact at position \d+ \(session-later\) is session.placed in version 3, and this version of Berth knows it up to version 2\./;

t.test('a broker serves sessions that an earlier version recorded, and goes on with them', async (t) => {
  const broker = await setUpCore(t, {}, (log) => liftedLog(log));
  await broker.greet('A');
  const log = openMemoryEventLog(broker.store);
  await log.append(
    streamName('session', 'old'),
    NO_STREAM,
    OLD_LIFE.map((each) => stored(each)),
  );
  await broker.restart();
  await broker.greet('A', { description: description({ hostname: 'A' }) });
  const history = await broker.core.application.sessionHistory('old', 10);
  t.match(
    history?.items.map(({ data }) => data),
    [
      {},
      { serverId: 'A', attempt: 1, choice: null },
      {},
      { serverId: 'A', attempt: 2, choice: { policy: 'pack', candidates: ['A'], considered: 1, turnedDown: {}, failed: [] } },
      {},
    ],
  );
  const [result] = await broker.core.application.deleteSessions([{ sessionId: 'old', owner: 'ann', force: true }], ORIGIN);
  t.match(result, { done: 'DELETED' });
  t.same(
    broker.store.facts.filter(({ type }) => type === 'session.placed').map(({ schemaVersion }) => schemaVersion),
    [1, 1],
    'what is stored stays as it was',
  );
});

t.test('what a later version wrote is read by nobody, and everything else is', async (t) => {
  const log = liftedLog(openMemoryEventLog());
  await log.append(streamName('session', 'old'), NO_STREAM, [stored({ type: 'session.requested', data: wish() })]);
  await log.append(streamName('session', 'later'), NO_STREAM, [FUTURE]);
  await t.rejects(log.readStream(streamName('session', 'later'), 0, 10), { name: 'StrangeFactError', message: SENTENCE });
  await t.rejects(log.readAll(LOG_START, 10), { message: SENTENCE });
  t.equal((await log.readStream(streamName('session', 'old'), 0, 10)).length, 1);
  const error = await new Promise<Error>((resolve) => log.subscribe(LOG_START, async () => void t.fail('delivered'), resolve));
  t.match(error.message, SENTENCE);
});

t.test('read models stop before a fact of a later version, and whoever waits for more is told', async (t) => {
  const { log, projector, record, logger } = await openReadModel(t, liftedLog(openMemoryEventLog()));
  await record(streamName('session', 'old'), 1, { type: 'session.requested', data: wish() });
  const before = projector.position();
  await log.append(streamName('session', 'later'), NO_STREAM, [FUTURE]);
  t.equal(await projector.reached(await log.head(), 10_000), false, 'who waited already is sent away');
  await t.rejects(projector.reached(await log.head(), 10_000), { message: SENTENCE });
  t.equal(await projector.reached(before, 0), true);
  t.equal(projector.position(), before);
  t.match(logger.lines.at(-1), { level: 'error', message: 'the read database stops at a fact of a newer version of Berth' });
});

async function startOn(dataDir: string) {
  const free = { value: '0', from: 'the test' };
  const settings = {
    'berth.data-dir': { value: dataDir, from: 'the test' },
    'client-to-broker-connector-https-port': free,
    'agent-to-broker-connector-https-port': free,
  };
  return startBroker(brokerConfig(settings, '/'), { clock: systemClock, random: systemRandom, logger: SILENT });
}

async function writeFuture(t: Test): Promise<string> {
  const dataDir = temporaryFolder(t);
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  await log.append(streamName('session', 'later'), NO_STREAM, [FUTURE]);
  await log.close();
  return dataDir;
}

t.test('a broker does not start on a log that a later version wrote to', async (t) => {
  const dataDir = await writeFuture(t);
  await t.rejects(startOn(dataDir), { message: SENTENCE });
  await t.rejects(startOn(dataDir), { message: SENTENCE }, 'and has let go of everything');
});

t.test('a broker that runs beside a later version ends when it hears of what it does not know', async (t) => {
  const failures: Error[] = [];
  let raw = openMemoryEventLog();
  const watch = (log: typeof raw) => {
    raw = log;
    return liftedLog(log);
  };
  const broker = await setUpCore(t, {}, watch, (error) => failures.push(error));
  await raw.append(streamName('session', 'later'), NO_STREAM, [FUTURE]);
  while (failures.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.match(failures, [{ message: SENTENCE }]);
  await t.rejects(broker.core.application.describeSessions({ limit: 1 }), { message: SENTENCE });
});

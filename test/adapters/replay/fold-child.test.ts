/** Folding the past in a process of its own, and how that ends. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { foldInChild, foldSource } from '../../../adapters/replay/fold-child.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { openReadDatabase } from '../../../adapters/sqlite/read-database.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { SILENT } from '../../helpers/core.ts';
import { factOf } from '../../helpers/read-model.ts';
import { startBroker } from '../../helpers/real-broker.ts';
import { wish } from '../../helpers/samples.ts';
import { until } from '../../helpers/until.ts';

const patient = () => new AbortController().signal;

async function folderWithLog(t: Test): Promise<string> {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  for (const [id, time] of [
    ['early', 5],
    ['late', 9],
  ] as const) {
    await log.append(streamName('session', id), NO_STREAM, [factOf({ type: 'session.requested', data: wish() }, time)]);
  }
  await log.close();
  return dataDir;
}

/** Processes that this one has started and that are still there. */
const children = (): readonly number[] =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('fold-process'))
    .map((line) => Number.parseInt(line, 10));

t.test('it makes a file that can be asked', async (t) => {
  const dataDir = await folderWithLog(t);
  const fold = foldInChild(foldSource({ eventLog: undefined, streamPrefix: '' }, dataDir));
  const file = join(dataDir, 'past.sqlite');
  t.strictSame(await fold({ time: 7 }, file, patient()), { position: 1, time: 7 });
  const database = await openReadDatabase(file, { logger: SILENT });
  t.match(await database.reader.selectFrom('sessions').select('id').execute(), [{ id: 'early' }]);
  await database.close();
});

t.test('a log on a server is found by its address', async (t) => {
  const eventLog = 'esdb://127.0.0.1:1?tls=false';
  t.strictSame(foldSource({ eventLog, streamPrefix: 'acme.' }, '/data'), {
    log: eventLog,
    streamPrefix: 'acme.',
    archive: '/data/archive',
  });
});

t.test('what goes wrong there is told here', async (t) => {
  const dataDir = t.testdir();
  const file = join(dataDir, 'past.sqlite');
  await t.rejects(foldInChild({ dataDir })({ time: 7 }, file, patient()), { message: /^The past could not be folded: .* holds no log/ });
});

t.test('it can be ended, and told when it was', async (t) => {
  const dataDir = await folderWithLog(t);
  const file = join(dataDir, 'past.sqlite');
  const ending = new AbortController();
  const ended = t.rejects(foldInChild({ dataDir })({ time: 7 }, file, ending.signal), { message: 'enough' });
  await until('it runs', () => children().length > 0);
  ending.abort(new Error('enough'));
  await ended;
  t.strictSame(children(), []);
  const killed = t.rejects(foldInChild({ dataDir })({ time: 7 }, file, patient()), { message: /it ended without an answer$/ });
  process.kill(await until('it runs', () => children()[0]), 'SIGKILL');
  await killed;
});

t.test('it ends with whoever asked', async (t) => {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  for (let stream = 0; stream < 100; stream += 1) {
    const facts = Array.from({ length: 500 }, () => factOf({ type: 'session.requested', data: wish() }, 1));
    await log.append(streamName('session', `s${stream}`), NO_STREAM, facts);
  }
  await log.close();
  const file = join(dataDir, 'past.sqlite');
  const child = fork(fileURLToPath(new URL('../../../adapters/cli/fold-process.js', import.meta.url)), { stdio: 'inherit' });
  child.send({ source: { dataDir }, until: { time: 1 }, file });
  await until('it folds', () => existsSync(`${file}-wal`));
  child.disconnect();
  t.strictSame(await once(child, 'exit'), [1, null]);
});

t.test('a client asks a broker about the past', async (t) => {
  const { client } = await startBroker(t);
  const { SuccessfulList } = await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true }]);
  const id = String(SuccessfulList?.[0]?.Id);
  const then = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);
  const describe = (body: object) => client.call('POST', '/describeSessions', body);
  t.match(await describe({}), { Sessions: [{ Id: id, State: 'DELETED' }] });
  t.match(await describe({ AsOf: then }), { Sessions: [{ Id: id, State: 'CREATING', Substate: 'SESSION_PLACING' }] });
  t.match(await describe({ AsOf: 0 }), { Sessions: [] });
  const [, deleted] = await client.sessionHistory(id);
  t.match(await describe({ AsOf: Number(deleted?.Position) - 1, SessionIds: [id] }), { Sessions: [{ State: 'CREATING' }] });
  await t.rejects(describe({ AsOf: 1e9 }), { status: 400, message: /the log ends at position/ });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { factOf } from '../../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../../helpers/samples.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const MINUTE = 60_000;

/** Positions 1 and 2: a server; 3 and 4: sessions of ann and bob; 5: ann's is deleted. */
async function folderWithLog(t: Test): Promise<string> {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  const registered = factOf({ type: 'server.registered', data: { agentClientId: AGENT_CLIENT } }, NOON);
  const described = factOf({ type: 'server.described', data: description({ hostname: 'host-a' }) }, NOON);
  await log.append(streamName('server', 'a'), NO_STREAM, [registered, described]);
  for (const owner of ['ann', 'bob']) {
    await log.append(streamName('session', owner), NO_STREAM, [factOf({ type: 'session.requested', data: wish({ owner }) }, NOON)]);
  }
  const deleted = factOf({ type: 'session.deleted', data: { reason: 'Closed.' } }, NOON + MINUTE);
  await log.append(streamName('session', 'ann'), 0, [
    factOf({ type: 'session.deletion-requested', data: { force: false } }, NOON),
    deleted,
  ]);
  await log.close();
  return dataDir;
}

async function describe(t: Test, dataDir: string, ...words: readonly string[]) {
  const berth = runBerth(t, 'describe', ...words, '--data-dir', dataDir);
  const code = await berth.ended;
  const [stdout, stderr] = [berth.stdout(), berth.stderr()];
  return { code, stderr, stdout, answer: stdout === '' ? undefined : JSON.parse(stdout) };
}

t.test('sessions and servers are told as they were, in the shape of the API, an item a line', async (t) => {
  const dataDir = await folderWithLog(t);
  const before = await describe(t, dataDir, 'sessions', '--as-of', '4');
  t.match(before, { code: 0, stderr: 'As of position 4, 2026-01-15T12:00:00.000Z.\n' });
  t.match(before.answer, { Sessions: [{ Id: 'ann', State: 'CREATING', CreationTime: '2026-01-15T12:00:00.000Z' }, { Id: 'bob' }] });
  t.equal(before.stdout.split('\n').length, 5);
  const then = await describe(t, dataDir, 'sessions', '--as-of', '2026-01-15T12:30:00Z', '--filter', 'owner=ann', 'state=deleted');
  t.match(then.answer, { Sessions: [{ Id: 'ann', State: 'DELETED', StateReason: 'Closed.' }] });
  const now = await describe(t, dataDir, 'sessions', '--id', 'ann', 'bob');
  t.strictSame(
    now.answer.Sessions.map(({ Id }: { Id: string }) => Id),
    ['bob'],
    'now what was deleted then is not shown any more',
  );
  const servers = await describe(t, dataDir, 'servers', '--as-of', '2');
  t.match(servers.answer, {
    Servers: [{ Id: 'a', Hostname: 'host-a', Availability: 'AVAILABLE', Host: { Memory: { TotalBytes: Number } } }],
  });
  t.notOk('UsedBytes' in servers.answer.Servers[0].Host.Memory, 'the load of servers is not in the log');
  t.strictSame((await describe(t, dataDir, 'servers', '--as-of', '1')).answer, { Servers: [] });
});

t.test('how long a deleted session is shown is as the configuration says', async (t) => {
  const dataDir = await folderWithLog(t);
  const config = join(dataDir, 'broker.properties');
  writeFileSync(config, 'delete-session-duration-seconds = 60\n');
  const asOf = ['sessions', '--as-of', '2026-01-15T12:30:00Z', '--id', 'ann'];
  t.strictSame((await describe(t, dataDir, ...asOf, '--config', config)).answer, { Sessions: [] });
  t.match((await describe(t, dataDir, ...asOf)).answer, { Sessions: { length: 1 } });
});

t.test('all pages are told', async (t) => {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  for (let number = 0; number < 1001; number += 1) {
    await log.append(streamName('session', `s${number}`), NO_STREAM, [factOf({ type: 'session.requested', data: wish() }, NOON)]);
  }
  await log.close();
  t.equal((await describe(t, dataDir, 'sessions')).answer.Sessions.length, 1001);
});

t.test('what cannot be described is said in one sentence', async (t) => {
  const dataDir = await folderWithLog(t);
  const says = async (words: readonly string[], sentence: string) =>
    t.match(await describe(t, dataDir, ...words), { code: 1, stderr: `${sentence}\n`, stdout: '' });
  await says(['desks'], 'What to describe must be sessions or servers, not "desks".');
  await says(['sessions', '--as-of', 'noon'], '--as-of must be a time such as 2026-01-15T09:30:00Z, or a position in the log, not "noon".');
  await says(['sessions', '--as-of', '7'], '--as-of: the log ends at position 6.');
  await says(['sessions', '--as-of', '2999-01-01'], '--as-of: this time has not come yet.');
  await says(['sessions', '--filter', 'ann'], '--filter must be a key and a value, such as owner=ann, not "ann".');
  await says(['servers', '--filter', 'owner=ann'], '--filter belongs to sessions.');
});

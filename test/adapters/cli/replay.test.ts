import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { factOf } from '../../helpers/read-model.ts';
import { startBroker } from '../../helpers/real-broker.ts';
import { wish } from '../../helpers/samples.ts';

async function replay(t: Test, dataDir: string, ...flags: readonly string[]) {
  const berth = runBerth(t, 'replay', '--data-dir', dataDir, ...flags);
  const code = await berth.ended;
  const lines = berth.stdout().split('\n').slice(0, -1);
  return { code, lines, records: () => lines.map((line) => JSON.parse(line)), stderr: berth.stderr() };
}

async function sabotage(dataDir: string, sql: string): Promise<void> {
  const connection = await openConnection(join(dataDir, 'read-models.sqlite'), {});
  await connection.exec(sql);
  await connection.close();
}

t.test('read models that are wrong are found out and exchanged while the broker answers', async (t) => {
  const broker = await startBroker(t);
  const { client, dataDir } = broker;
  const refused = await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true }]);
  t.match(refused.SuccessfulList, [{ Name: 'desk' }]);
  const same = await replay(t, dataDir);
  t.equal(same.code, 0);
  t.match(same.records(), [{ differingRows: 0, facts: Number, position: Number, seconds: Number }]);

  await sabotage(dataDir, "UPDATE sessions SET spec = json_set(spec, '$.name', 'wrong')");
  t.match(await client.describeSessions(), [{ Name: 'wrong' }]);
  const wrong = await replay(t, dataDir);
  t.equal(wrong.code, 1);
  t.match(wrong.records(), [
    { table: 'sessions', row: { id: refused.SuccessfulList?.[0]?.Id }, column: 'spec', inUse: /wrong/, rebuilt: /desk/ },
    { differingRows: 1 },
  ]);
  const people = await replay(t, dataDir, '--no-json', '--model', 'sessions');
  t.equal(people.code, 1);
  t.match(people.lines[0], /^sessions, id .*: spec is ".*wrong.*", and ".*desk.*" by the log$/);
  t.match(people.lines[1], /^Folded \d+ facts in [\d.]+ s \([\d,]+ facts\/s\), up to position \d+\.$/);
  t.match(people.lines[2], /^1 rows of the read models in use differ \(at position \d+\); at most 20 of a kind are named\.$/);
  t.equal((await replay(t, dataDir, '--model', 'servers')).code, 0);

  const swapped = await replay(t, dataDir, '--swap');
  t.equal(swapped.code, 1, 'they were wrong');
  t.match(swapped.records().at(-1), { differingRows: 1, swap: { taken: true } });
  t.match(await client.describeSessions(), [{ Name: 'desk' }]);
  t.match(await replay(t, dataDir, '--swap', '--no-json'), { code: 0, lines: [/^Folded/, /are the same/, 'They are in use now.'] });
  t.strictSame(
    readdirSync(join(dataDir, 'replay'), { withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.lock')),
    [],
    'nothing is left',
  );
  await broker.kill('SIGTERM');
  broker.spawn();
  await broker.ready();
  t.match(await client.describeSessions(), [{ Name: 'desk' }]);
});

/** A data folder with the log of one session. */
async function folderWithLog(t: Test): Promise<string> {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  await log.append(streamName('session', 's1'), NO_STREAM, [factOf({ type: 'session.requested', data: wish() }, 1)]);
  await log.close();
  return dataDir;
}

t.test('without a broker read models are built, put in place and compared all the same', async (t) => {
  const dataDir = await folderWithLog(t);
  t.match(await replay(t, dataDir, '--no-json'), {
    code: 0,
    lines: [/^Folded 1 facts/, 'There are no read models in use to compare with.'],
  });
  t.match((await replay(t, dataDir, '--swap')).records(), [{ facts: 1, swap: { taken: true } }]);
  await sabotage(dataDir, "DELETE FROM sessions; INSERT INTO slots VALUES ('a', 'b', 'VIRTUAL', 'ann', 1)");
  t.match(await replay(t, dataDir, '--no-json'), {
    code: 1,
    lines: [
      'sessions, id s1: is in the log, and not in use',
      'slots, server_id a, session_id b: is in use, and not in the log',
      /^Folded/,
      /^2 rows/,
    ],
  });
  await sabotage(dataDir, 'PRAGMA user_version = 1');
  t.match(await replay(t, dataDir, '--no-json'), {
    code: 1,
    lines: [/^Folded/, /^The read models in use cannot be compared: its tables are/],
  });
  t.match((await replay(t, dataDir)).records(), [{ impossible: /another version/ }]);
});

t.test('what cannot be done is said in one sentence', async (t) => {
  const dataDir = await folderWithLog(t);
  const missing = join(dataDir, 'missing');
  const says = async (flags: readonly string[], sentence: string | RegExp, folder = dataDir) => {
    const { code, stderr, lines } = await replay(t, folder, ...flags);
    t.match({ code, stderr, lines }, { code: 1, stderr: sentence, lines: [] });
  };
  await says([], `There is no data folder ${missing}; --data-dir says where it is.\n`, missing);
  await says(['--model', 'all'], '--model must be one of sessions, servers, access, brokers, dns, auth-servers, not "all".\n');
  await says(['--model', 'sessions', '--swap'], '--swap exchanges the file with all models; leave --model out.\n');
  await says(['--log', 'esdb://127.0.0.1:1?tls=false'], /127\.0\.0\.1:1/);
  renameSync(join(dataDir, 'log.sqlite'), join(dataDir, 'elsewhere.sqlite'));
  await says([], /holds no log/);
});

t.test('whoever stops it leaves nothing behind', async (t) => {
  const dataDir = await folderWithLog(t);
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  for (let stream = 0; stream < 60; stream += 1) {
    const facts = Array.from({ length: 500 }, () => factOf({ type: 'session.requested', data: wish() }, 1));
    await log.append(streamName('session', `many-${stream}`), NO_STREAM, facts);
  }
  await log.close();
  rmSync(join(dataDir, 'replay'), { recursive: true, force: true });
  const berth = runBerth(t, 'replay', '--data-dir', dataDir);
  const isBuilding = () => {
    try {
      return readdirSync(join(dataDir, 'replay')).length > 1;
    } catch {
      return false;
    }
  };
  while (!isBuilding()) await new Promise((resolve) => setTimeout(resolve, 1));
  berth.child.kill('SIGINT');
  t.equal(await berth.ended, 1);
  t.equal(berth.stderr(), 'Stopped before the end.\n');
  t.strictSame(readdirSync(join(dataDir, 'replay')), ['replay.lock']);
});

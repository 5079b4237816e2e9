import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../../../adapters/sqlite/log-reader.ts';
import { type BerthProcess, runBerth } from '../../helpers/berth-process.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { writeOldLog } from '../../helpers/old-log.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { startBroker } from '../../helpers/real-broker.ts';

async function oldFolder(t: Test, sessions?: number): Promise<{ folder: string; over: number }> {
  const folder = temporaryFolder(t);
  const log = await openSqliteEventLog(join(folder, 'log.sqlite'));
  const { over } = await writeOldLog(t, log, { sessions });
  await log.close();
  return { folder, over: over.length };
}

async function ending(berth: BerthProcess) {
  const code = await berth.ended;
  return {
    code,
    stdout: berth.stdout(),
    stderr: berth.stderr(),
    records: () =>
      berth
        .stdout()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
  };
}

const berth = (t: Test, ...parameters: readonly string[]) => ending(runBerth(t, ...parameters));
const archive = (t: Test, folder: string, ...flags: readonly string[]) =>
  berth(t, 'log', 'archive', '--data-dir', folder, '--older-than', '90d', ...flags);

t.test('what is over for long leaves the log, and the audit lists what it did before', async (t) => {
  const { folder, over } = await oldFolder(t);
  const before = await berth(t, 'audit', '--data-dir', folder);
  const dry = await archive(t, folder, '--dry-run');
  t.match(dry.records(), [{ streams: over, dryRun: true, kinds: { session: 21, server: 1, request: 1, attempts: 1 } }]);
  t.match(await archive(t, folder, '--dry-run', '--no-json'), {
    code: 0,
    stdout: /^\d+ facts of 24 streams \(.*21 session.*\) would go to .*archive\.\n$/,
  });
  const done = await archive(t, folder);
  t.match(
    { ...done, records: done.records() },
    {
      code: 0,
      stderr: '',
      records: [
        { file: /^archive-/, sha256: /^[0-9a-f]{64}$/, streams: over },
        { streams: over, dryRun: false },
      ],
    },
  );
  const after = await berth(t, 'audit', '--data-dir', folder);
  t.strictSame([after.code, after.stdout, after.stderr], [0, before.stdout, '']);
  const verified = await berth(t, 'audit', 'verify', '--data-dir', folder);
  t.match({ code: verified.code, records: verified.records() }, { code: 0, records: [{ faults: 0, removed: { facts: 0 } }] });
  const people = await archive(t, folder, '--no-json');
  t.match(people, { code: 0, stdout: /^0 facts of 0 streams are in .*archive now\.\n$/ });

  const [file = ''] = readdirSync(join(folder, 'archive'));
  renameSync(join(folder, 'archive'), join(folder, 'cellar'));
  const less = await berth(t, 'audit', '--data-dir', folder);
  t.match(less, {
    code: 0,
    stderr: `The facts of 24 streams of the log are in the archive ${file}, which is not in the folder ${join(folder, 'archive')}.\n`,
  });
  t.ok(less.stdout.length < before.stdout.length);
  const faulty = await berth(t, 'audit', 'verify', '--data-dir', folder);
  t.match(
    { code: faulty.code, records: faulty.records() },
    {
      code: 1,
      records: [
        { fault: 'missing-archive', message: new RegExp(file) },
        { faults: 1, removed: { streams: 24 } },
      ],
    },
  );
  const there = await berth(t, 'audit', 'verify', '--data-dir', folder, '--archive', join(folder, 'cellar'));
  t.equal(there.code, 0);
  const elsewhere = await berth(t, 'audit', '--data-dir', folder, '--archive', join(folder, 'cellar'));
  t.strictSame([elsewhere.stdout, elsewhere.stderr], [before.stdout, '']);
  const copy = await berth(t, 'log', 'copy', folder, join(folder, 'copy'));
  t.match(copy, { code: 1, stderr: /is not in the folder .* A copy has to hold everything\.\n$/ });
  const whole = await berth(t, 'log', 'copy', folder, join(folder, 'copy'), '--from-archive', join(folder, 'cellar'));
  t.match(whole, { code: 0, stderr: '' });
  t.equal((await berth(t, 'audit', '--data-dir', join(folder, 'copy'))).stdout, before.stdout);
});

t.test('killed at any moment nothing is lost, and the next run finishes', async (t) => {
  const { folder, over } = await oldFolder(t, 1500);
  const before = await berth(t, 'audit', '--data-dir', folder);
  const streams = async (): Promise<number> => {
    const reader = await openSqliteLogReader(join(folder, 'log.sqlite'));
    const notes = await reader.removalNotes().finally(reader.close);
    return [...notes.values()].reduce((sum, count) => sum + count, 0);
  };
  let kills = 0;
  for (let delayMs = 700; (await streams()) < over && kills < 6; delayMs += 150) {
    const run = runBerth(t, 'log', 'archive', '--data-dir', folder, '--older-than', '90d');
    await Promise.race([run.ended, new Promise((resolve) => setTimeout(resolve, delayMs))]);
    run.child.kill('SIGKILL');
    await run.ended;
    kills += 1;
    t.equal((await berth(t, 'audit', '--data-dir', folder)).stdout, before.stdout, `after kill ${kills}`);
  }
  t.match(await archive(t, folder), { code: 0, stderr: '' });
  t.equal(await streams(), over);
  t.equal((await berth(t, 'audit', '--data-dir', folder)).stdout, before.stdout);
  t.same(
    readdirSync(join(folder, 'archive')).filter((name) => !name.endsWith('.jsonl.gz')),
    [],
  );
});

t.test(
  'a broker on SQLite has its log for itself; after archiving it answers the same, also the history, and says where what is missing is',
  async (t) => {
    const { folder } = await oldFolder(t);
    const broker = await startBroker(t, { dataDir: join(folder) });
    t.match(await archive(t, folder), {
      code: 1,
      stdout: '',
      stderr: /is in use by another broker \(process \d+\)\. Stop it, archive, and start it again\.\n$/,
    });
    const { client } = broker;
    const answers = async () => ({
      sessions: await client.describeSessions(),
      servers: await client.describeServers(),
    });
    const before = { ...(await answers()), history: await client.sessionHistory('s1') };
    await broker.kill('SIGTERM');
    t.match(await archive(t, folder), { code: 0, stderr: '' });
    for (const [archives, models] of [
      ['archive', false],
      ['archive', true],
      ['cellar', true],
    ] as const) {
      if (archives === 'cellar') renameSync(join(folder, 'archive'), join(folder, 'cellar'));
      if (models) for (const file of readdirSync(folder)) if (file.startsWith('read-models')) rmSync(join(folder, file));
      broker.spawn();
      await broker.ready();
      const { sessions, servers } = await answers();
      t.same(sessions, before.sessions);
      if (archives === 'archive') {
        t.same(servers, before.servers);
        t.same(await client.sessionHistory('s1'), before.history);
      } else {
        t.same(servers, before.servers);
        await t.rejects(
          client.sessionHistory('s1'),
          /Its history up to revision 4 was moved to the archive archive-.*, which this broker does not have\./,
        );
      }
      await broker.kill('SIGTERM');
    }
  },
);

t.test('beside brokers on a server one archives at a time', async (t) => {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const log = await openEventStoreLog(url, { streamPrefix: prefix });
  t.teardown(() => log.close());
  const { over } = await writeOldLog(t, log);
  const folder = join(temporaryFolder(t), 'archive');
  const flags = ['log', 'archive', '--log', url, '--stream-prefix', prefix, '--older-than', '12w', '--to', folder];
  const lock = await log.locks.take('archive');
  t.match(await berth(t, ...flags), { code: 1, stderr: 'Somebody else is archiving this log.\n' });
  await lock?.release();
  t.match((await berth(t, ...flags)).records(), [{ streams: over.length }, { streams: over.length }]);
  t.match([...(await log.removalNotes()).values()], [over.length]);
  const listed = await berth(t, 'audit', '--log', url, '--stream-prefix', prefix, '--archive', folder, '--actor', 's1');
  t.equal(listed.stdout.trim().split('\n').length, 5);
});

t.test('what cannot be done is said in one sentence', async (t) => {
  const folder = temporaryFolder(t);
  const says = async (sentence: string, ...flags: readonly string[]) =>
    t.match(await berth(t, 'log', 'archive', ...flags), { code: 1, stdout: '', stderr: sentence });
  await says(
    `The folder ${folder} holds no log (log.sqlite); --data-dir says where the broker keeps it.\n`,
    '--data-dir',
    folder,
    '--older-than',
    '1d',
  );
  await says('--older-than must be a number of days, weeks or years, such as 90d, 12w or 2y, not "soon".\n', '--older-than', 'soon');
  await says('--stream-prefix belongs to --log.\n', '--older-than', '1y', '--stream-prefix', 'a.');
  await says('--log must not be empty.\n', '--older-than', '1y', '--log', ' ');
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { type BerthProcess, runBerth } from '../../helpers/berth-process.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { readWhole } from '../../helpers/old-log.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { startBroker } from '../../helpers/real-broker.ts';

/** A data folder with a log of so many streams of three facts, one after the other. */
async function folderWithLog(t: Test, streams = 3): Promise<string> {
  const folder = temporaryFolder(t);
  const log = await openSqliteEventLog(join(folder, 'log.sqlite'));
  const names = Array.from({ length: streams }, (_, index) => streamName('desk', `${index}`));
  for (let first = 0; first < streams; first += 1000) {
    await Promise.all(names.slice(first, first + 1000).map((name) => log.append(name, NO_STREAM, newFacts(3))));
  }
  await log.close();
  return folder;
}

async function factsIn(folder: string) {
  const log = await openSqliteEventLog(join(folder, 'log.sqlite'));
  return readWhole(log, 1000).finally(log.close);
}

async function ending(berth: BerthProcess) {
  const code = await berth.ended;
  return { code, stdout: berth.stdout(), stderr: berth.stderr() };
}

const copy = (t: Test, ...parameters: readonly string[]) => ending(runBerth(t, 'log', 'copy', ...parameters));

t.test('a log goes to a server and back, for programs and for people', async (t) => {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const [from, back] = [await folderWithLog(t), join(temporaryFolder(t), 'back')];
  const there = await copy(t, from, url, '--to-prefix', prefix);
  t.match(there, { code: 0, stderr: '' });
  t.match(JSON.parse(there.stdout), { facts: 9, added: 9, streams: 3, from: { position: 9 }, to: { position: Number }, complete: true });
  const again = await copy(t, url, join(back, 'log.sqlite'), '--from-prefix', prefix, '--no-json');
  t.match(again, {
    code: 0,
    stdout:
      /^Copied 9 facts in .*; 0 were there before\.\nAll 9 facts of 3 streams were read back and are the same\.\n.* → .*log.sqlite, position 9\n/,
  });
  t.strictSame(await factsIn(back), await factsIn(from));
});

t.test('killed at any moment, it goes on where it was, on a server and in a file', async (t) => {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const from = await folderWithLog(t, 3000);
  const to = join(temporaryFolder(t), 'copy');
  for (const [target, flags] of [
    [url, ['--to-prefix', prefix]],
    [to, []],
  ] as const) {
    for (const delayMs of [900, 1100, 1300]) {
      const berth = runBerth(t, 'log', 'copy', from, target, ...flags);
      await Promise.race([berth.ended, new Promise((resolve) => setTimeout(resolve, delayMs))]);
      berth.child.kill('SIGKILL');
      await berth.ended;
    }
    const last = await copy(t, from, target, ...flags);
    t.match(last, { code: 0, stderr: '' });
    t.match(JSON.parse(last.stdout), { facts: 9000, streams: 3000 });
  }
  t.strictSame(await factsIn(to), await factsIn(from));
  const back = join(temporaryFolder(t), 'back');
  t.match(await copy(t, url, back, '--from-prefix', prefix), { code: 0 });
  t.strictSame(await factsIn(back), await factsIn(from));
});

t.test('a log in use is read, and not written to; what is written later is copied by the same command', async (t) => {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const broker = await startBroker(t);
  t.match(await copy(t, broker.dataDir, url, '--to-prefix', prefix), { code: 0 });
  await broker.client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true }]);
  const before = await broker.client.describeSessions();
  const refused = await copy(t, await folderWithLog(t), broker.dataDir);
  t.match(refused, { code: 1, stdout: '', stderr: /is in use by another broker \(process \d+\)/ });
  await broker.kill('SIGTERM');
  t.match(JSON.parse((await copy(t, broker.dataDir, url, '--to-prefix', prefix)).stdout), { complete: true });
  const moved = await startBroker(t, { keyOf: broker.dataDir, flags: ['--event-log', url, '--stream-prefix', prefix] });
  t.same(await moved.client.describeSessions(), before);
  const inUse = await copy(t, broker.dataDir, url, '--to-prefix', prefix);
  t.match(inUse, { code: 1, stderr: /is in use by a broker, or is being copied to\.\n$/ });
  await moved.kill('SIGTERM');
  const different = await copy(t, broker.dataDir, url, '--to-prefix', prefix);
  t.match(different, {
    code: 1,
    stderr: /^esdb:.* holds broker-.* \(broker\.joined, .*\) at position \d+, where the log that is copied ends\.\n$/,
  });
});

t.test('whoever stops it is told that it can go on', async (t) => {
  const from = await folderWithLog(t, 20_000);
  const to = join(temporaryFolder(t), 'copy');
  const berth = runBerth(t, 'log', 'copy', from, to);
  while (!existsSync(join(to, 'log.sqlite'))) await new Promise((resolve) => setTimeout(resolve, 5));
  berth.child.kill('SIGINT');
  t.match(await ending(berth), { code: 1, stdout: '', stderr: 'Stopped before the end; the same command goes on from there.\n' });
});

t.test('what cannot be done is said in one sentence', async (t) => {
  const from = await folderWithLog(t);
  const missing = join(from, 'missing');
  const cases: readonly (readonly [readonly string[], string | RegExp])[] = [
    [[missing, from], `There is no data folder ${missing}; --data-dir says where it is.\n`],
    [[from, from], 'A log cannot be copied into itself.\n'],
    [[from, join(from, 'other.sqlite')], 'The log in a data folder is called log.sqlite, not other.sqlite.\n'],
    [[from, missing, '--to-prefix', 'a.'], '--to-prefix belongs to a log on a server.\n'],
    [[from, missing, '--from-prefix', 'a.'], '--from-prefix belongs to a log on a server.\n'],
    [[from, 'http://localhost'], /^TO must be the address of an EventStoreDB/],
    [[from, 'esdb://127.0.0.1:1?tls=false'], /127\.0\.0\.1:1/],
  ];
  for (const [parameters, stderr] of cases) t.match(await copy(t, ...parameters), { code: 1, stdout: '', stderr });
});

import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { chained } from '../../../adapters/evidence/chained.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { OTHER_KEY } from '../../helpers/evidence.ts';
import { startBroker } from '../../helpers/real-broker.ts';
import { STORY, tell, writeLog } from '../../helpers/tampering.ts';

async function verify(t: Test, ...parameters: readonly string[]) {
  const berth = runBerth(t, 'audit', 'verify', ...parameters);
  const code = await berth.ended;
  const lines = berth.stdout().split('\n').slice(0, -1);
  return { code, lines, records: () => lines.map((line) => JSON.parse(line)), stderr: berth.stderr() };
}

t.test('a log that is whole, for programs and for people', async (t) => {
  const { dataDir, file } = await writeLog(t);
  const evidence = join(dataDir, 'evidence.json');
  const piped = await verify(t, '--data-dir', dataDir);
  t.match(piped, { code: 0, stderr: '' });
  const summary = {
    log: file,
    trusted: [evidence],
    facts: 14,
    streams: 5,
    checkpoints: 2,
    unsealed: 2,
    faults: 0,
    lastCheckpoint: { number: 1 },
  };
  t.match(piped.records(), [summary]);
  const people = await verify(t, '--data-dir', dataDir, '--no-json');
  t.match(people, {
    code: 0,
    lines: [
      /^Looked at 14 facts in 5 streams and 2 checkpoints in [\d.]+ s \([\d,]+ facts\/s\)\.$/,
      /^The newest checkpoint that counts is 1, signed at .*Z \(key [\w-]{43}\); 2 facts since then wait for the next\.$/,
      `The log is whole, by ${evidence}.`,
    ],
  });
});

t.test('faults are named one by one, and nothing in them steers a terminal', async (t) => {
  const log = await writeLog(t, `${'l'.repeat(25)}d|`);
  await log.tamper(`UPDATE facts SET time = 1 WHERE position < 25; UPDATE facts SET type = char(27) || '[2J' WHERE position = 1`);
  const programs = await verify(t, '--data-dir', log.dataDir);
  t.equal(programs.code, 1);
  t.equal(programs.lines.length, 25);
  t.match(programs.records()[3], {
    fault: 'altered',
    stream: 'lamp-1',
    revision: 3,
    position: 4,
    type: 'desk.moved',
    message: /^lamp-1 at/,
  });
  const people = await verify(t, '--data-dir', log.dataDir, '--no-json');
  t.equal(people.code, 1);
  t.match(people.lines[0], 'lamp-1 at revision 0 (\ufffd[2J, position 1) was altered after it was written.');
  t.match(people.lines.slice(20), [
    '… and 4 more of this kind: altered (--json lists all).',
    /^Looked at/,
    /^The newest/,
    '24 faults. See docs/evidence.md for what to do.',
  ]);
});

t.test('what was kept elsewhere counts for more than what lies beside the log', async (t) => {
  const log = await writeLog(t);
  const forged = await writeLog(t, undefined, OTHER_KEY);
  const kept = join(log.dataDir, 'kept.json');
  copyFileSync(join(log.dataDir, 'evidence.json'), kept);
  t.match(await verify(t, '--data-dir', forged.dataDir), { code: 0 }, 'the forger has written that too');
  const found = await verify(t, '--data-dir', forged.dataDir, '--evidence', kept);
  t.equal(found.code, 1);
  t.match(found.records(), [{ fault: 'bad-checkpoint', checkpoint: 0 }, { fault: 'bad-checkpoint', checkpoint: 1 }, { faults: 2 }]);
  const writing = await log.open();
  await tell(writing, 'dd|', log.published);
  await writing.close();
  t.match(await verify(t, '--data-dir', log.dataDir, '--evidence', kept), { code: 0 });
  await log.tamper('DELETE FROM facts WHERE position > 14');
  const cut = await verify(t, '--data-dir', log.dataDir, '--evidence', kept, '--no-json');
  t.equal(cut.code, 1, 'the key kept elsewhere vouches for the checkpoint beside the log');
  t.match(
    cut.lines[0],
    /^Checkpoint 2, signed at .*, is missing: the last one in the log is checkpoint 1\. The log was cut off, or is another one\.$/,
  );
});

t.test('where there is nothing to trust it says what that is worth; taken out facts and old ones are told', async (t) => {
  const log = await writeLog(t, 'ddcl|d');
  const writing = await log.open();
  const [last] = await writing.readStream('chair-1' as never, 0, 1);
  await writing.remove('chair-1' as never, { revision: 0, hash: last?.hash ?? '', note: 'archive' });
  await writing.close();
  await log.tamper('UPDATE facts SET hash = NULL');
  const evidence = join(log.dataDir, 'evidence.json');
  t.equal(existsSync(evidence), true);
  const other = await writeLog(t, 'd');
  const silent = await verify(t, '--data-dir', other.dataDir, '--no-json');
  t.match(silent, {
    code: 0,
    stderr: /^There is no .*evidence\.json, and no --evidence was given: .* only that the log agrees with itself\.\n$/,
  });
  t.match(silent.lines.slice(1), ['There is no checkpoint that counts, so nobody vouches for any of them.', 'The log agrees with itself.']);
  const old = await verify(t, '--data-dir', log.dataDir, '--no-json');
  t.equal(old.code, 1);
  t.match(old.lines.join('\n'), /\n5 facts from before facts were chained: only the checkpoints vouch for them\./);
  t.match(
    old.lines.join('\n'),
    /\nTaken out of the log, with a note of where they are now: 1 fact of 1 stream\. The order of the facts of 1 checkpoint could not/,
  );
});

t.test('a log on a server, with the evidence in a folder or a file', async (t) => {
  const { url, prefix } = await startEventStore(t);
  const { dataDir, published } = await writeLog(t, 'd');
  const log = chained(await openEventStoreLog(url, { streamPrefix: prefix }));
  await tell(log, STORY, published);
  await log.close();
  const where = ['--log', url, '--stream-prefix', prefix];
  t.match((await verify(t, ...where, '--data-dir', dataDir)).records(), [
    { facts: 14, faults: 0, trusted: [join(dataDir, 'evidence.json')] },
  ]);
  t.match(await verify(t, ...where, '--evidence', join(dataDir, 'evidence.json')), { code: 0, stderr: '' });
  t.match(await verify(t, ...where), { code: 0, stderr: /^No --evidence was given: / });
});

t.test('where it cannot look it says why, and that is no verdict', async (t) => {
  const { dataDir } = await writeLog(t);
  const [nonsense, empty, foreign] = ['nonsense.json', 'empty.json', 'foreign.json'].map((name) => join(dataDir, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(nonsense, '{"keys": 1}');
  writeFileSync(empty, '{"keys": []}');
  writeFileSync(
    foreign,
    JSON.stringify({ keys: [OTHER_KEY.publicJwk], checkpoint: OTHER_KEY.sign('x').replace('..', '.eyJudW1iZXIiOjAsInRpbWUiOjF9.') }),
  );
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--evidence', nonsense], `${nonsense} holds no public keys of checkpoints that can be read.`],
    [['--evidence', empty], `${empty} holds no public key.`],
    [['--evidence', foreign], `The checkpoint in ${foreign} was not signed with any of the keys in it.`],
    [['--evidence', join(dataDir, 'none')], `There is no file ${join(dataDir, 'none')}.`],
  ];
  for (const [parameters, sentence] of cases) {
    const { code, stderr, lines } = await verify(t, '--data-dir', dataDir, ...parameters);
    t.strictSame([code, stderr, lines], [2, `${sentence}\n`, []]);
  }
  t.match(await verify(t, '--evident'), { code: 252, stderr: /unknown option/ }, 'as with every command');
  const stray = runBerth(t, 'audit', '--owner', 'ann', 'verify', '--data-dir', dataDir);
  t.equal(await stray.ended, 2);
  t.equal(stray.stderr(), '--owner belongs to the list of berth audit: what is verified is the whole log.\n');
  const before = runBerth(t, 'audit', '--data-dir', dataDir, 'verify');
  t.equal(await before.ended, 0, 'where the log is may be said before or behind');
});

t.test('who stops reading in the middle of the faults still gets the verdict', async (t) => {
  const log = await writeLog(t, `${'l'.repeat(25)}|`);
  await log.tamper('UPDATE facts SET time = 1 WHERE position < 25');
  const berth = runBerth(t, 'audit', 'verify', '--data-dir', log.dataDir);
  berth.child.stdout?.destroy();
  t.equal(await berth.ended, 1);
  t.equal(berth.stderr(), '');
});

t.test('the log of a broker that was killed and goes on writing is whole', async (t) => {
  const broker = await startBroker(t);
  const create = () => broker.client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true }]);
  await create();
  await broker.kill();
  broker.spawn();
  await broker.ready();
  const [beside] = await Promise.all([verify(t, '--data-dir', broker.dataDir), create(), create(), create()]);
  t.match(beside, { code: 0 });
  await broker.kill('SIGTERM');
  t.match((await verify(t, '--data-dir', broker.dataDir)).records(), [{ faults: 0, unsealed: 0 }]);
});

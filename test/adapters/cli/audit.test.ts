import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM, type Statement } from '../../../domain/facts.ts';
import { type StreamName, streamName } from '../../../domain/ids.ts';
import type { EventLog } from '../../../domain/ports/event-log.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { factOf } from '../../helpers/read-model.ts';
import { ORIGIN, wish } from '../../helpers/samples.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

async function openLog(t: Test): Promise<{ dataDir: string; log: EventLog }> {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  t.teardown(() => log.close());
  return { dataDir, log };
}

/** One a minute, each session in a stream of its own. */
async function record(log: EventLog, happened: readonly (readonly [StreamName, ...Statement[]])[]): Promise<void> {
  let minutes = 0;
  for (const [stream, ...statements] of happened) {
    const facts = statements.map((statement) => {
      minutes += 1;
      return factOf(statement, START + minutes * MINUTE);
    });
    await log.append(stream, NO_STREAM, facts);
  }
}

const LIFE: readonly (readonly [StreamName, ...Statement[]])[] = [
  [
    streamName('session', 's1'),
    { type: 'session.requested', data: wish({ owner: 'ann', name: 'two words' }) },
    { type: 'session.started', data: { attempt: 1 } },
  ],
  [streamName('session', 's2'), { type: 'session.requested', data: wish({ owner: 'bob', name: '\u001b[2Jgone\u202e' }) }],
  [
    streamName('api-client', 'c1'),
    { type: 'api-client.registered', data: { name: 'console', passwordHash: 'secret hash', scopes: null, owner: null } },
  ],
];

async function audit(t: Test, ...parameters: string[]) {
  const berth = runBerth(t, 'audit', ...parameters);
  const code = await berth.ended;
  return { code, stdout: berth.stdout(), stderr: berth.stderr() };
}

const typesIn = (stdout: string) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { Type: string }).Type);

t.test('who did what is listed beside whoever writes the log, for programs as JSON lines and for people as lines', async (t) => {
  const { dataDir, log } = await openLog(t);
  await record(log, LIFE);
  const piped = await audit(t, '--data-dir', dataDir);
  t.equal(piped.code, 0);
  t.same(typesIn(piped.stdout), ['session.requested', 'session.started', 'session.requested', 'api-client.registered']);
  t.match(JSON.parse(piped.stdout.split('\n')[1] ?? ''), {
    Time: '2026-01-01T00:02:00.000Z',
    Actor: 'session-s1',
    Revision: 1,
    Cause: { Kind: 'client', Id: 'test' },
    RequestId: ORIGIN.requestId,
    Data: { attempt: 1 },
  });
  t.notMatch(piped.stdout, 'secret hash');
  const people = await audit(t, '--data-dir', dataDir, '--no-json');
  t.match(
    people.stdout.split('\n')[0],
    /^2026-01-01 00:01:00.000Z {2}session.requested {13}session-s1 {2}client test {2}request 11111111-.* {2}name="two words" owner=ann /,
  );
  for (const steering of ['\u001b', '\u202e']) t.notOk(people.stdout.includes(steering), 'nothing that steers a terminal');
  t.match(people.stdout, '[2Jgone');
});

t.test('filters narrow it down', async (t) => {
  const { dataDir, log } = await openLog(t);
  await record(log, LIFE);
  const found = async (...parameters: string[]) => typesIn((await audit(t, '--data-dir', dataDir, ...parameters)).stdout);
  const [all, actor, window, request] = await Promise.all([
    found('--owner', 'ann'),
    found('--actor', 'c1', '--type', 'api-client.'),
    found('--from', '2026-01-01T00:02Z', '--to', '2026-01-01T00:03Z', '--client', 'test'),
    found('--request', '22222222-2222-4222-8222-222222222222'),
  ]);
  t.same(all, ['session.requested', 'session.started']);
  t.same(actor, ['api-client.registered']);
  t.same(window, ['session.started']);
  t.same(request, []);
});

t.test('an export for spreadsheets has a heading', async (t) => {
  const { dataDir, log } = await openLog(t);
  await record(log, LIFE);
  const { code, stdout } = await audit(t, '--data-dir', dataDir, '--csv', '--type', 'session.started');
  t.equal(code, 0);
  t.equal(
    stdout,
    'Position,Time,Type,Actor,Revision,CauseKind,CauseId,RequestId,SchemaVersion,Data\r\n' +
      `2,2026-01-01T00:02:00.000Z,session.started,session-s1,1,client,test,${ORIGIN.requestId},1,"{""attempt"":1}"\r\n`,
  );
});

t.test('what happens from now on, or since a time, is told as it happens', async (t) => {
  const { dataDir, log } = await openLog(t);
  await record(log, LIFE);
  const now = runBerth(t, 'audit', '--data-dir', dataDir, '--follow');
  const since = runBerth(t, 'audit', '--data-dir', dataDir, '--follow', '--from', '2026-01-01T00:02Z');
  const owned = runBerth(t, 'audit', '--data-dir', dataDir, '--follow', '--owner', 'ann');
  await since.says('api-client.registered');
  const ends = { type: 'session.deletion-requested', data: { force: false } };
  let revision = 1;
  // They begin in their own time, so it is said until all have heard it.
  while (![now, since, owned].every((berth) => berth.stdout().includes('deletion-requested'))) {
    await log.append(streamName('session', 's1'), revision, [factOf(ends, START + 9 * MINUTE)]);
    revision += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const berth of [now, since, owned]) {
    berth.child.kill('SIGINT');
    t.equal(await berth.ended, 0);
    t.equal(berth.stderr(), '');
  }
  t.same(typesIn(since.stdout()).slice(0, 3), ['session.started', 'session.requested', 'api-client.registered']);
  for (const berth of [now, owned]) t.same([...new Set(typesIn(berth.stdout()))], ['session.deletion-requested'], 'nothing of the past');
});

t.test('what cannot be asked is refused, naming the flag', async (t) => {
  const { dataDir } = await openLog(t);
  const missing = join(dataDir, 'missing');
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--data-dir', missing], `There is no data folder ${missing}; --data-dir says where it is.`],
    [['--type', 'session'], '--type: expected a type such as session.deleted, or the beginning of types such as session., not "session".'],
    [['--from', 'monday'], '--from: expected a time such as 2026-01-31T08:00:00Z, or a date, not "monday".'],
    [['--request', 'x'], '--request: expected the RequestId of an answer, a UUID, not "x".'],
    [['--follow', '--to', '2026-01-01'], '--to: what is followed has no end.'],
    [['--csv', '--json'], 'Give --csv or --json, not both.'],
  ];
  for (const [parameters, sentence] of cases) {
    const { code, stdout, stderr } = await audit(t, ...parameters);
    t.strictSame([code, stdout, stderr], [1, '', `${sentence}\n`]);
  }
});

t.test('who stops reading ends it quietly', async (t) => {
  const { dataDir, log } = await openLog(t);
  for (let desk = 0; desk < 50; desk += 1) await log.append(streamName('desk', `${desk}`), NO_STREAM, newFacts(1));
  const berth = runBerth(t, 'audit', '--data-dir', dataDir);
  berth.child.stdout?.destroy();
  t.equal(await berth.ended, 0);
  t.equal(berth.stderr(), '');
});

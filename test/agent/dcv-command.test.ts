import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createCommand } from '../../agent/drivers/dcv-command.ts';
import { failureOf, oneLine } from '../../agent/drivers/dcv-failures.ts';
import { createTurns } from '../../agent/drivers/turns.ts';
import { isRunning } from '../helpers/berth-process.ts';
import { createDcvHost } from '../helpers/dcv-host.ts';
import { until } from '../helpers/until.ts';

const LIMITS = { timeoutMs: 20_000, maxBytes: 10_000 };

t.test('a program is run without a shell, and its output and code are given', async (t) => {
  const host = createDcvHost(t);
  const echo = createCommand(host.write('echo', '#!/bin/sh\nfor word; do echo "[$word]"; done\necho "$LC_ALL $PWD" >&2\nexit 3\n', 0o755));
  const end = await echo(['a b', '$HOME', '`id`', ';', "'", '"', '*', ''], LIMITS);
  t.equal(end.stdout.toString(), '[a b]\n[$HOME]\n[`id`]\n[;]\n[\']\n["]\n[*]\n[]\n');
  t.same([end.code, end.stderr], [3, 'C.UTF-8 /\n']);
});

t.test('a program that hangs is stopped with everything that it started', async (t) => {
  const host = createDcvHost(t);
  const pids = join(host.folder, 'pids');
  const hanging = createCommand(
    host.write('hang', `#!/bin/sh\nsleep 1000 &\necho $$ $! > '${pids}.new'; mv '${pids}.new' '${pids}'\nwait\n`, 0o755),
  );
  await t.rejects(hanging(['list-sessions'], { ...LIMITS, timeoutMs: 1000 }), {
    name: 'CommandError',
    message: 'dcv list-sessions did not end within 1 s and was stopped',
  });
  const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
  t.equal(started.length, 2);
  await until('both are gone', () => started.every((pid) => !isAlive(pid)));
});

/** Whoever has ended and was not asked for its code yet is still listed. */
function isAlive(pid: number): boolean {
  if (!isRunning(pid)) return false;
  const [state] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').slice(1);
  return !state?.startsWith('Z');
}

t.test('a program that prints without end is stopped', async (t) => {
  const host = createDcvHost(t);
  const yes = createCommand(host.write('yes', '#!/bin/sh\nif [ $1 = shout ]; then exec yes >&2; fi\nexec yes\n', 0o755));
  await t.rejects(yes(['flood'], LIMITS), { message: 'dcv flood printed more than 10000 bytes and was stopped' });
  await t.rejects(yes(['shout'], LIMITS), { message: 'dcv shout printed more than 10000 bytes of messages and was stopped' });
});

t.test('a program that is killed, or cannot be started, is told apart', async (t) => {
  const host = createDcvHost(t);
  const run = (path: string, ...parameters: string[]) => createCommand(path)(parameters, LIMITS);
  await t.rejects(run(host.write('die', '#!/bin/sh\nkill -9 $$\n', 0o755), 'version'), { message: 'dcv version was ended by SIGKILL' });
  await t.rejects(run('/no/such/dcv'), { message: /^There is no program \/no\/such\/dcv, .*dcv_root in agent\.conf/ });
  await t.rejects(run(host.write('plain', 'x')), { message: /plain is not executable for the agent's user; dcv_root in agent\.conf/ });
  await t.rejects(run(host.dcvPath, 'x'.repeat(3_000_000)), { name: 'CommandError', message: /cannot be started: .*E2BIG/ });
});

t.test('what a program left behind does not keep its answer', async (t) => {
  const host = createDcvHost(t);
  const leaving = createCommand(host.write('leave', '#!/bin/sh\nsleep 30 &\necho done\n', 0o755));
  const began = Date.now();
  t.equal((await leaving([], LIMITS)).stdout.toString(), 'done\n');
  t.ok(Date.now() - began < 15_000);
});

t.test('no more than four run at a time', async (t) => {
  const host = createDcvHost(t);
  const slow = createCommand(
    host.write(
      'slow',
      `#!/bin/sh\nmkdir -p '${host.folder}/now'\ntouch '${host.folder}/now/'$$\nls '${host.folder}/now' | wc -l\nsleep 0.2\nrm '${host.folder}/now/'$$\n`,
      0o755,
    ),
  );
  const counts = await Promise.all(Array.from({ length: 12 }, () => slow([], LIMITS)));
  const most = Math.max(...counts.map(({ stdout }) => Number(stdout)));
  t.ok(most > 1 && most <= 4, `${most} at a time`);
});

t.test('turns are taken in order, also after a failure, and only so many may wait', async (t) => {
  const inTurn = createTurns(1, 2);
  const order: string[] = [];
  const refusal = () => new Error('too many');
  const work = (name: string) => async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(name);
    if (name === 'b') throw new Error('b fails');
  };
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => inTurn(work(name), refusal)));
  t.same(order, ['a', 'b', 'c']);
  t.same(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.message : 'done')),
    ['done', 'b fails', 'done', 'too many'],
  );
  await inTurn(work('e'), refusal);
  t.equal(order.at(-1), 'e');
});

t.test('what the program says becomes a sentence that says what it means', async (t) => {
  const meaning = (stderr: string) => failureOf('create-session', { code: 1, stdout: Buffer.from(''), stderr });
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'Could not create session, Specified user is not a local user',
      'unknown owner',
      /^Specified user is not a local user of the host; dcv says: Could/,
    ],
    ["User 'bob' does not exist", 'unknown owner', /local user/],
    ['Could not create session, dcvserver not running', 'server down', /^The DCV server of the host is not running; /],
    ['Could not connect to the DCV server', 'server down', /not running/],
    ["session 'a' already exists", 'exists', /^The host has such a session already/],
    ['the maximum number of sessions has been reached', 'limit reached', /^The DCV server takes no more sessions/],
    ["Session 'a' does not exist", 'no session', /^The host has no such session/],
    ['Could not find session a', 'no session', /no such session/],
    ['Operation not permitted', 'not permitted', /^The agent's user \S+ may not do this: it must be among the administrators .* dcv\.conf/],
    ['No license available', 'no license', /^The DCV server has no license for this/],
    ['Unknown option --json', 'unknown option', /^This version of the DCV server does not know an option of dcv create-session/],
    ['It went\n\twrong\u0007', 'other', /^dcv create-session failed; dcv says: It went wrong$/],
    ['', 'other', /^dcv create-session failed with code 1 and without a word$/],
  ];
  for (const [said, kind, sentence] of cases) {
    t.equal(meaning(said).kind, kind, said);
    t.match(meaning(said).sentence, sentence, said);
  }
  t.equal(
    failureOf('version', { code: 1, stdout: Buffer.from('on stdout'), stderr: ' \n' }).sentence,
    'dcv version failed; dcv says: on stdout',
  );
  t.ok(meaning('x'.repeat(100_000)).sentence.length < 500);
  t.equal(oneLine(' a\u2028b\r\n c '), 'a b c');
});

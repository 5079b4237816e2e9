import t from 'tap';
import { type RunProgram, runProgram } from '../../../agent/host-facts/program.ts';
import { usersOutsideDcv } from '../../../agent/host-facts/users.ts';

/** A host whose programs say these things; the others are not there. */
function hostThatSays(texts: Record<string, string>): { readonly run: RunProgram; readonly ran: string[] } {
  const ran: string[] = [];
  const run: RunProgram = async (program, parameters) => {
    const key = [program, parameters[0]].filter(Boolean).join(' ');
    ran.push([program, ...parameters].join(' '));
    return { ok: texts[key] !== undefined, stdout: texts[key] ?? '' };
  };
  return { run, ran };
}

const session = (name: string, changes: Record<string, string> = {}) =>
  Object.entries({ Name: name, Service: 'sshd', State: 'active', Class: 'user', ...changes })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n');

t.test('on Linux people are those whose sessions logind knows, but for those in a DCV session', async (t) => {
  const sessions = [
    session('ann'),
    session('bob', { Service: 'dcv' }),
    session('carl', { Service: 'dcv-session' }),
    session('dora', { Service: 'gdm-password', State: 'online' }),
    session('gdm', { Class: 'greeter', Service: 'gdm-launch-environment' }),
    session('root', { Class: 'manager', Service: 'systemd-user' }),
    session('eve', { State: 'closing' }),
    session('ann', { Service: 'login' }),
  ];
  const { run, ran } = hostThatSays({
    'loginctl list-sessions': '  3 1000 ann  - pts/0 active no -\n c1   42 gdm seat0 tty1 active no -\n',
    'loginctl show-session': `${sessions.join('\n\n')}\n`,
  });
  t.same(await usersOutsideDcv(run, 'linux'), ['ann', 'dora']);
  t.match(ran[1], /^loginctl show-session 3 c1 --property=Name /);
  t.same(await usersOutsideDcv(hostThatSays({ 'loginctl list-sessions': '\n' }).run, 'linux'), []);
});

t.test('without logind it is as who says', async (t) => {
  const who =
    'bob      pts/1        2026-01-01 10:00 (10.0.0.7)\nann      tty1         2026-01-01 09:00\nbob      pts/2        2026-01-01 11:00 (10.0.0.7)\n';
  t.same(await usersOutsideDcv(hostThatSays({ who }).run, 'darwin'), ['ann', 'bob']);
  t.same(await usersOutsideDcv(hostThatSays({}).run, 'linux'), []);
});

t.test('on Windows people are those with a session other than the console', async (t) => {
  const quser = [
    ' USERNAME              SESSIONNAME        ID  STATE   IDLE TIME  LOGON TIME',
    '>administrator         console             1  Active      none   1/1/2026 9:00 AM',
    ' ann                   rdp-tcp#3           2  Active          .  1/1/2026 10:00 AM',
    ' john doe                                  3  Disc         1:20  1/1/2026 8:00 AM',
    ' jörg                  rdp-tcp#4           4  Aktiv           5  01.01.2026 10:00',
  ].join('\r\n');
  t.same(await usersOutsideDcv(hostThatSays({ quser }).run, 'win32'), ['ann', 'john doe', 'jörg']);
});

t.test('a program that is not there, fails or takes too long has said nothing', async (t) => {
  t.same(await runProgram('/no/such/program', [], 1000), { ok: false, stdout: '' });
  t.same(await runProgram(process.execPath, ['-e', 'console.log(1); process.exit(1)'], 60_000), { ok: false, stdout: '1\n' });
  t.match(await runProgram(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], 300), { ok: false });
  t.same(await runProgram(process.execPath, ['-e', 'console.log(process.env.LC_ALL)'], 60_000), { ok: true, stdout: 'C\n' });
  t.type(await usersOutsideDcv(runProgram, 'linux'), Array);
});

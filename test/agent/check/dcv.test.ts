/** What `berth agent check` says of the DCV server: programs that do what `dcv` may do, and files as `dcv.conf` may be. */
import { chmod, rm } from 'node:fs/promises';
import t from 'tap';
import { parseDcvConf, textOf, textsOf } from '../../../agent/check/dcv-conf.ts';
import { certificatesIn } from '../../helpers/certificates.ts';
import { about, checkedHost } from '../../helpers/checked-host.ts';

t.test('a program dcv that is missing, broken or hanging is told', async (t) => {
  const host = await checkedHost(t);
  const dcv = host.inFolder('dcv');
  const found = async (programMs = 20_000) => about(await host.check({ limits: { ...host.world.limits, programMs } }), 'dcv');
  await host.installDcv('echo "cannot load libdcv.so." >&2; exit 127');
  t.match(await found(), { mark: 'fail', message: `${dcv} version ended with cannot load libdcv.so.` });
  await host.installDcv('exit 3');
  t.match(await found(), { mark: 'fail', message: `${dcv} version ended with exit code 3.` });
  await host.installDcv('kill -9 $$');
  t.match(await found(), { mark: 'fail' });
  await host.installDcv('sleep 60; sleep 60');
  t.match(await found(200), { mark: 'fail', message: `${dcv} does not end within 0.2 s.` });
  await host.installDcv('head -c 5000000 /dev/zero | tr "\\0" x');
  t.match(await found(), { mark: 'ok', message: /^x{200}$/ }, 'whoever talks without end is cut short');
  await chmod(dcv, 0o644);
  t.match(await found(), { mark: 'fail', message: `This user may not run ${dcv}.` });
  await rm(dcv);
  const findings = await host.check();
  t.match(about(findings, 'dcv'), { mark: 'fail', message: `There is no program ${dcv}.`, mend: /dcv_root/ });
  t.equal(about(findings, 'dcv server'), undefined);
});

t.test('a DCV server that does not run, or says what nobody understands, is told', async (t) => {
  const host = await checkedHost(t);
  const found = async (script: string, programMs = 20_000) => {
    await host.installDcv(`if [ "$1" = version ]; then echo DCV; exit; fi\n${script}`);
    return about(await host.check({ limits: { ...host.world.limits, programMs } }), 'dcv server');
  };
  t.match(await found('echo "Could not list sessions: dcvserver not running"; exit 1'), {
    mark: 'fail',
    message: 'It does not tell its sessions: Could not list sessions: dcvserver not running.',
    mend: /systemctl start dcvserver/,
  });
  t.match(await found('echo "Session: one"'), { mark: 'fail', message: 'Its list of sessions is not JSON.' });
  t.match(await found('echo "{}"'), { mark: 'fail' });
  t.match(await found('echo "[{},{}]"'), { mark: 'ok', message: 'It runs, with 2 sessions.' });
  t.match(await found('sleep 60', 300), { mark: 'fail', message: /list-sessions does not end within 0\.3 s/ });
});

t.test('an agent that may not manage sessions is told which line is missing', async (t) => {
  const host = await checkedHost(t);
  const found = async (lines: string, isRoot = false) => {
    await host.configureDcv(lines);
    return about(await host.check({ user: { name: isRoot ? 'root' : 'dcvsmagent', isRoot } }), 'administrators');
  };
  const mend = `Set  administrators=["dcvsmagent"]  below [security] in ${host.dcvConf} and restart dcvserver.`;
  t.match(await found(''), { mark: 'fail', message: /nobody is/, mend });
  t.match(await found('#administrators=["dcvsmagent"]'), { mark: 'fail', mend });
  t.match(await found('administrators=["root", "dcvsmagent2"]'), {
    mark: 'fail',
    message: /\(root, dcvsmagent2\)/,
    mend: /administrators=\["root", "dcvsmagent2", "dcvsmagent"\]/,
  });
  t.match(await found("administrators = ['dcvsmagent']"), { mark: 'ok' });
  t.match(await found('[other]\nadministrators=["dcvsmagent"]'), { mark: 'fail' });
  t.match(await found('', true), { mark: 'ok', message: 'root needs not be one; nobody is' });
});

t.test('a verifier that is missing, or is no broker of ours, is told with the line that would be right', async (t) => {
  const host = await checkedHost(t);
  const right = `https://127.0.0.1:${host.broker.port}/agent/validate-authentication-token`;
  const found = async (lines: string, check = 'token verifier') => {
    await host.configureDcv(lines);
    return about(await host.check(), check);
  };
  const mend = `Set  auth-token-verifier="${right}"  below [security] in ${host.dcvConf} and restart dcvserver.`;
  t.match(await found(''), { mark: 'fail', message: 'None is set, so connection tokens let nobody in.', mend });
  t.match(await found('auth-token-verifier="broker:8445"'), { mark: 'fail', mend });
  t.match(await found('auth-token-verifier="not an address"'), { mark: 'fail', message: /is no address/ });
  t.match(await found(`auth-token-verifier="${right.replace('https', 'http')}"`), { mark: 'fail', message: /not where a broker answers/ });
  t.match(await found(`auth-token-verifier="${right}/"`), { mark: 'fail', message: /not where a broker answers/ });
  const elsewhere = right.replace('127.0.0.1', 'localhost');
  const lines = `auth-token-verifier="${elsewhere}"\nca-file="${host.broker.caFile}"`;
  t.match(await found(lines), { mark: 'warn', message: /at none of the brokers in agent\.conf/ });
  t.match(await found('auth-token-verifier="https://[::1]/agent/validate-authentication-token"'), { mark: 'warn' });
});

t.test('a verifier that the DCV server would not trust, or cannot reach, is told', async (t) => {
  const host = await checkedHost(t);
  const line = `auth-token-verifier="https://127.0.0.1:${host.broker.port}/agent/validate-authentication-token"`;
  const found = async (lines: string) => {
    await host.configureDcv(lines);
    return about(await host.check(), 'verifier certificate');
  };
  const { caFile } = await certificatesIn(t.testdir());
  const mend = /^Set {2}ca-file="FILE" {2}below \[security\]/;
  t.match(await found(line), { mark: 'fail', message: /does not trust 127\.0\.0\.1 \(/, mend });
  t.match(await found(`${line}\nca-file="${caFile}"`), { mark: 'fail', message: /does not trust/, mend });
  t.match(await found(`${line}\nca-file="/nowhere"`), { mark: 'fail', message: /ca-file cannot be read/, mend });
  t.match(await found(`${line}\nno-tls-strict=true`), { mark: 'warn', message: /no-tls-strict is set/ });
  t.match(await found(line.replace(String(host.broker.port), '1')), { mark: 'fail', message: /cannot be asked: .*ECONNREFUSED/ });
});

t.test('a host without a real DCV server, or with its settings elsewhere, is asked no more than it can say', async (t) => {
  const host = await checkedHost(t);
  const checks = async (changes = {}) => (await host.check(changes)).map(({ check }) => check);
  t.notOk((await checks({ dcvConf: undefined })).some((check) => ['dcv.conf', 'administrators', 'token verifier'].includes(check)));
  await rm(host.dcvConf);
  t.match(about(await host.check(), 'dcv.conf'), { mark: 'fail', message: /ENOENT/ });
  await host.configure({}, { driver: 'simulated' });
  t.match(about(await host.check(), 'dcv'), { mark: 'ok', message: /simulated/ });
  t.notOk((await checks()).includes('dcv server'));
});

t.test('dcv.conf is read as it is written by hand', async (t) => {
  const conf = parseDcvConf(
    [
      '[security]',
      ' administrators = ["a"] ',
      '# no-tls-strict=true',
      'nonsense',
      'ca-file="/a"',
      "ca-file='/b'",
      '[ log ]',
      'level=info',
    ].join('\r\n'),
  );
  t.equal(conf('security', 'administrators'), '["a"]');
  t.equal(conf('security', 'no-tls-strict'), undefined);
  t.equal(textOf(conf('security', 'ca-file') ?? ''), '/b');
  t.equal(textOf(conf('log', 'level') ?? ''), 'info');
  t.same(textsOf(`["a b", 'c']`), ['a b', 'c']);
  t.same(textsOf('@as []'), []);
});

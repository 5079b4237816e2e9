/** `berth agent check` as it is typed: what it prints, to whom, and how it ends. */
import t from 'tap';
import { lineOf, summaryOf } from '../../../adapters/cli/finding-lines.ts';
import { configFileOn, dcvConfOn } from '../../../agent/places.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { checkedHost } from '../../helpers/checked-host.ts';

t.test('it prints JSON lines into a pipe, ends with 0 where nothing is wrong, and with 1 where something is', async (t) => {
  const host = await checkedHost(t);
  await host.configure({}, { driver: 'simulated' });
  const well = runBerth(t, 'agent', 'check', '--config', host.configFile, '--enrol');
  t.equal(await well.ended, 0, well.stdout());
  const findings = well
    .stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(
    findings.find(({ check }) => check === 'token'),
    { mark: 'ok', message: 'The agent is enrolled, and the broker knows it.' },
  );
  t.equal(well.stderr(), '');
  await host.configure({ broker_port: 1 }, { driver: 'simulated' });
  const wrong = runBerth(t, 'agent', 'check', '--config', host.configFile, '--no-json');
  t.equal(await wrong.ended, 1);
  t.match(
    wrong.stdout(),
    /^fail {2}broker connection {5}127\.0\.0\.1 port 1 cannot be reached: .*ECONNREFUSED.*\.\n {28}-> Start the broker, or/m,
  );
  t.match(wrong.stdout(), /^One thing is wrong \(fail\)\./m);
  t.notMatch(wrong.stdout(), '\u001b', 'colours are for terminals');
});

t.test('the settings of the DCV server can be named', async (t) => {
  const host = await checkedHost(t);
  const named = runBerth(t, 'agent', 'check', '--config', host.configFile, '--dcv-conf', '/nowhere/dcv.conf');
  t.equal(await named.ended, 1);
  t.match(named.stdout(), /"check":"dcv.conf","mark":"fail".*\/nowhere\/dcv\.conf/);
});

t.test('people get lines, with colours on a terminal, and a last one that says how it stands', async (t) => {
  const finding = { check: 'clock', mark: 'warn', message: 'It is late.', mend: 'Wind it.' } as const;
  t.equal(lineOf(finding, false), `warn  clock                 It is late.\n${' '.repeat(28)}-> Wind it.`);
  t.equal(lineOf({ check: 'user', mark: 'ok', message: 'ann' }, true), '\u001b[32mok    \u001b[0muser                  ann');
  t.equal(summaryOf({ ok: 3, warn: 0, fail: 0 }), '\nNothing is wrong.');
  t.equal(summaryOf({ ok: 3, warn: 1, fail: 0 }), '\nNothing is wrong. One line is worth a look (warn).');
  t.match(summaryOf({ ok: 3, warn: 2, fail: 2 }), /^\n2 things are wrong \(fail\); begin with the first, .* 2 lines are/);
});

t.test('files are looked for where the original has them', async (t) => {
  t.equal(configFileOn('linux'), '/etc/dcv-session-manager-agent/agent.conf');
  t.match(configFileOn('win32'), /^C:\\Program Files\\NICE\\/);
  t.equal(dcvConfOn('linux'), '/etc/dcv/dcv.conf');
  t.equal(dcvConfOn('win32'), undefined);
});

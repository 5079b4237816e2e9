import t from 'tap';
import { runBerth } from '../../helpers/berth-process.ts';

t.test('a mistyped command or flag is answered with the one that was meant', async (t) => {
  const command = runBerth(t, 'brokr');
  const flag = runBerth(t, 'broker', '--data-dr', '/tmp/x');
  t.equal(await command.ended, 252);
  t.match(command.stderr(), "unknown command 'brokr'\n(Did you mean broker?)");
  t.equal(await flag.ended, 252);
  t.match(flag.stderr(), "unknown option '--data-dr'\n(Did you mean --data-dir?)");
  t.equal(command.stdout() + flag.stdout(), '');
});

t.test('help and version are what was asked for, so they go to stdout', async (t) => {
  const help = runBerth(t, 'start', '--help');
  const version = runBerth(t, '--version');
  t.equal(await help.ended, 0);
  t.match(help.stdout(), '--servers <number>');
  t.equal(await version.ended, 0);
  t.match(version.stdout(), /^\d+\.\d+\.\d+\n$/);
  t.equal(help.stderr() + version.stderr(), '');
});

t.test('a value that cannot be is named with its flag', async (t) => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['broker', '--client-port', '99999'], '--client-port must be a whole number from 0 to 65535, not "99999".\n'],
    [['broker', '--log-level', 'loud'], '--log-level must be debug or info or warn or error or silent, not "loud".\n'],
    [['start', '--servers', 'many'], '--servers must be a whole number from 0 to 200, not "many".\n'],
    [['start', '--agent-port', '-1'], '--agent-port must be a whole number from 0 to 65535, not "-1".\n'],
  ];
  for (const [parameters, sentence] of cases) {
    const berth = runBerth(t, ...parameters);
    t.equal(await berth.ended, 1);
    t.equal(berth.stderr(), sentence);
    t.equal(berth.stdout(), '');
  }
});

t.test('an agent without a configuration says what is missing', async (t) => {
  const none = runBerth(t, 'agent');
  t.equal(await none.ended, 1);
  t.match(none.stderr(), /cannot be read: .*\/etc\/dcv-session-manager-agent\/agent\.conf/);
  const absent = runBerth(t, 'agent', '--config', '/nowhere/agent.conf');
  t.equal(await absent.ended, 1);
  t.match(absent.stderr(), '/nowhere/agent.conf');
});

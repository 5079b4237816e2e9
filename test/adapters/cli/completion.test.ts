/** Completion in shells: the scripts are those that the program writes. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { runBerth } from '../../helpers/berth-process.ts';

async function script(t: Test, shell: string): Promise<string> {
  const berth = runBerth(t, 'completion', shell);
  t.equal(await berth.ended, 0);
  return berth.stdout();
}

t.test('bash completes commands, flags and values', async (t) => {
  const source = await script(t, 'bash');
  const folder = t.testdir({ 'a file.pem': '', sub: {} });
  /** What bash offers for the last word. */
  const offered = async (...words: readonly string[]): Promise<readonly string[]> => {
    const call = `${source}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _berth; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-uc', call, 'bash', ...words], { cwd: folder });
    t.equal(stderr, '');
    return stdout.split('\n').filter((word) => word !== '');
  };
  t.same(await offered('berth', 'describe-a'), ['describe-api-clients', 'describe-agent-clients']);
  t.same(await offered('dcvsm', '--no'), ['--no-verify-ssl']);
  t.same(await offered('berth', '--debug', 'create-session', '--max'), ['--max-concurrent-clients']);
  t.same(await offered('berth', 'create-session', '--type', ''), ['Console', 'Virtual']);
  t.same(await offered('berth', 'audit', '--type', ''), [], 'the same flag elsewhere');
  t.same(await offered('berth', 'describe-servers', '--output-format', 'j'), ['json']);
  t.same(await offered('berth', '--ca-bundle', 'a'), ['a file.pem']);
  t.same(await offered('berth', 'broker', '--data-dir', ''), ['sub']);
  t.same(await offered('berth', 'create-session', '--name', 'x'), []);
});

t.test('zsh and fish get every command and flag', async (t) => {
  const [zsh, fish] = [await script(t, 'zsh'), await script(t, 'fish')];
  t.match(zsh, "'create-session:create a session'");
  t.match(zsh, 'create-session:--type');
  t.match(
    fish,
    "complete -c berth -n '__fish_seen_subcommand_from create-session' -l type -x -a 'Console Virtual' -d 'Console or Virtual'",
  );
  t.match(fish, "-n '__fish_seen_subcommand_from broker' -l data-dir -x -a '(__fish_complete_directories)'");
});

t.test('a shell that is not known is named with those that are', async (t) => {
  const berth = runBerth(t, 'completion', 'tcsh');
  t.equal(await berth.ended, 252);
  t.match(berth.stderr(), 'Allowed choices are bash, zsh, fish.');
});

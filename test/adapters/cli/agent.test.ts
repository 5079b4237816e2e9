import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import t, { type Test } from 'tap';
import { type BerthProcess, runBerth } from '../../helpers/berth-process.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

/** An agent whose broker is not there: nothing listens on port 1 of this machine. */
async function lonelyAgent(t: Test, level: string, ...flags: string[]): Promise<BerthProcess> {
  const folder = temporaryFolder(t);
  const file = join(folder, 'agent.conf');
  const settings = {
    version: '0.1',
    agent: { broker_host: '127.0.0.1', broker_port: 1 },
    log: { level },
    berth: { driver: 'simulated', state_folder: join(folder, 'state') },
  };
  await writeFile(file, stringify(settings));
  return runBerth(t, 'agent', '--config', file, ...flags);
}

const levelsOf = (agent: BerthProcess): readonly string[] =>
  agent
    .stderr()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).level);

t.test('an agent waits for a broker that is not there, says so on stderr, and ends when it is asked to', async (t) => {
  const agent = await lonelyAgent(t, 'warning');
  await agent.says('"level":"warn"');
  agent.child.kill('SIGTERM');
  t.equal(await agent.ended, 0);
  t.equal(agent.stdout(), '');
  t.ok(levelsOf(agent).every((level) => level === 'warn'));
});

t.test('the level of its log comes from agent.conf unless a flag says otherwise', async (t) => {
  const quiet = await lonelyAgent(t, 'error');
  const loud = await lonelyAgent(t, 'error', '--log-level', 'debug');
  await loud.says('"level":"warn"');
  for (const agent of [quiet, loud]) {
    agent.child.kill('SIGTERM');
    t.equal(await agent.ended, 0);
  }
  t.equal(quiet.stderr(), '');
});

import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import t, { type Test } from 'tap';
import { type BerthProcess, FREE_PORTS, runBerth } from '../../helpers/berth-process.ts';
import { eventually } from '../../helpers/kill-checks.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

/** An agent whose broker is not there: nothing listens on port 1 of this machine. */
async function lonelyAgent(t: Test, level: string, ...flags: string[]): Promise<BerthProcess> {
  return lonelyAgentIn(temporaryFolder(t), { level, directory: '-' }, t, ...flags);
}

async function lonelyAgentIn(folder: string, log: object, t: Test, ...flags: string[]): Promise<BerthProcess> {
  const file = join(folder, 'agent.conf');
  const settings = {
    version: '0.1',
    agent: { broker_host: '127.0.0.1', broker_port: 1 },
    log,
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

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

t.test('an agent waits for a broker that is not there, says so on stderr, and ends when it is asked to', async (t) => {
  const agent = await lonelyAgent(t, 'warning');
  await agent.says('"level":"warn"');
  agent.child.kill('SIGTERM');
  t.equal(await agent.ended, 0);
  t.equal(agent.stdout(), '');
  t.ok(levelsOf(agent).every((level) => level === 'warn'));
});

t.test('an agent without a terminal lives on when it is told to read its files again, which it does by itself', async (t) => {
  const agent = await lonelyAgent(t, 'warning');
  await agent.says('"level":"warn"');
  agent.child.kill('SIGHUP');
  agent.child.kill('SIGTERM');
  t.equal(await agent.ended, 0);
});

t.test('a command that is not a service ends with its caller', async (t) => {
  const folder = temporaryFolder(t);
  const broker = runBerth(t, 'broker', '--data-dir', folder, ...FREE_PORTS);
  await broker.says('The broker is ready');
  const feed = runBerth(t, 'audit', '--follow', '--from', '2020-01-01', '--data-dir', folder);
  await feed.says('Position');
  feed.child.kill('SIGHUP');
  t.equal(await feed.ended, 0);
});

t.test('the level of its log comes from agent.conf unless a flag says otherwise', async (t) => {
  const folder = temporaryFolder(t);
  const quiet = await lonelyAgentIn(folder, { level: 'error', directory: '-' }, t);
  const loud = await lonelyAgent(t, 'error', '--log-level', 'debug');
  await loud.says('"level":"warn"');
  // The quiet one says nothing, but by its state it is seen to run, and to have taken the signals over.
  await eventually(() => exists(join(folder, 'state', 'server-id')));
  for (const agent of [quiet, loud]) {
    agent.child.kill('SIGTERM');
    t.equal(await agent.ended, 0);
  }
  t.equal(quiet.stderr(), '');
});

t.test('what it says goes into the file that agent.conf names, and not to stderr where nobody is watching', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'log', 'agent.log');
  const agent = await lonelyAgentIn(folder, { directory: join(folder, 'log') }, t);
  await eventually(async () => (await readFile(path, 'utf8').catch(() => '')).includes('not connected to the broker'));
  agent.child.kill('SIGTERM');
  t.equal(await agent.ended, 0);
  t.equal(agent.stderr(), '');
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  t.ok(lines.every((line) => JSON.parse(line).program === 'agent'));
});

t.test('a file that cannot be written is said, and its lines go to stderr', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'log'), 'a file stands in the way');
  const agent = await lonelyAgentIn(folder, { directory: join(folder, 'log') }, t);
  await agent.says('not connected to the broker');
  t.match(agent.stderr(), /^The log file .* cannot be written: .* Its lines go to stderr instead\.\n\{/);
  agent.child.kill('SIGTERM');
  t.equal(await agent.ended, 0);
});

t.test('what is allowed and hardly meant is logged at the start', async (t) => {
  process.env['BERTH_AGENT_BROKER_HOTS'] = 'x';
  t.teardown(() => delete process.env['BERTH_AGENT_BROKER_HOTS']);
  const agent = await lonelyAgent(t, 'info');
  await agent.says('BERTH_AGENT_BROKER_HOTS is no key of agent.conf; did you mean BERTH_AGENT_BROKER_HOST?');
  agent.child.kill('SIGTERM');
  await agent.ended;
});

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { FREE_PORTS, isRunning, runBerth, startBerth } from '../../helpers/berth-process.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { until } from '../../helpers/until.ts';

t.test('an agent that ends is started again, and that is said', async (t) => {
  const dataDir = temporaryFolder(t);
  const berth = await startBerth(t, dataDir, 1);
  const agent = berth.children().at(-1);
  process.kill(Number(agent), 'SIGKILL');
  await berth.says('The agent of server 1 has ended (signal SIGKILL). It is started again in 1 s.');
  const next = await until('a new agent', () => berth.children().find((pid) => pid > Number(agent)));
  t.ok(isRunning(next));
});

t.test('when the broker is lost, everything ends and the exit code says so', async (t) => {
  const dataDir = temporaryFolder(t);
  const berth = await startBerth(t, dataDir, 1);
  const [broker, agent] = berth.children();
  process.kill(Number(broker), 'SIGKILL');
  t.equal(await berth.ended, 1);
  t.match(berth.stderr(), 'The broker has ended (signal SIGKILL). Everything else is stopped.\n');
  t.notOk(isRunning(Number(agent)));
});

t.test('the children of a parent that was killed end by themselves', async (t) => {
  const dataDir = temporaryFolder(t);
  const berth = await startBerth(t, dataDir, 1);
  const children = berth.children();
  t.equal(children.length, 2);
  berth.child.kill('SIGKILL');
  await until('the end of the children', () => !children.some(isRunning), 20_000);
  t.equal(await berth.ended, 'SIGKILL');
});

t.test('an agent that hangs is not waited for long', async (t) => {
  const dataDir = temporaryFolder(t);
  const berth = await startBerth(t, dataDir, 1);
  const agent = Number(berth.children().at(-1));
  process.kill(agent, 'SIGSTOP');
  berth.child.kill('SIGTERM');
  t.equal(await berth.ended, 0);
  t.notOk(isRunning(agent));
});

t.test('it can be stopped while it is still starting', async (t) => {
  const berth = runBerth(t, 'start', '--data-dir', temporaryFolder(t), '--servers', '3', ...FREE_PORTS);
  await until('a first child', () => berth.children()[0], 20_000);
  berth.child.kill('SIGTERM');
  t.equal(await berth.ended, 0);
  t.equal(berth.stdout(), '');
});

t.test('what keeps it from starting is said once, and nothing stays behind', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  const noFolder = runBerth(t, 'start', '--data-dir', join(folder, 'file'), ...FREE_PORTS);
  t.equal(await noFolder.ended, 1);
  t.match(noFolder.stderr(), /^The data folder .*file is not a folder\.\n$/);

  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'data', 'servers'), 'in the way');
  const noAgents = runBerth(t, 'start', '--data-dir', join(folder, 'data'), ...FREE_PORTS);
  t.equal(await noAgents.ended, 1);
  t.match(noAgents.stderr(), /^The files of server 1 cannot be written: .*servers.*\n$/);
  t.equal(noFolder.stdout() + noAgents.stdout(), '');
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { connectionOf, isRunning } from '../../helpers/berth-process.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { until } from '../../helpers/until.ts';

const BERTH = fileURLToPath(new URL('../../../adapters/cli/berth.js', import.meta.url));

interface Chain {
  readonly npm: number;
  readonly shell: number;
  readonly broker: number;
}

/** As npm starts it: a process that runs a shell that runs the broker. `environment` is what npm tells its scripts. */
async function chain(t: Test, environment: Readonly<Record<string, string>>): Promise<Chain> {
  const dataDir = temporaryFolder(t);
  // Behind the broker the shell has something else to do, so that it stays in between, as some shells do anyway.
  const command = `"${process.execPath}" "${BERTH}" broker --data-dir "${dataDir}" --client-port 0 --agent-port 0; true`;
  const script = `
    const shell = require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(command)}], { stdio: 'ignore' });
    console.log(shell.pid);
  `;
  const npm = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...environment } });
  const [shell] = await once(npm.stdout, 'data');
  let broker = 0;
  const found = async (): Promise<void> => {
    await connectionOf(dataDir);
    broker = Number(await readFile(join(dataDir, 'broker.pid'), 'utf8'));
  };
  for (const givingUpAt = Date.now() + 40_000; broker === 0 && Date.now() < givingUpAt; ) {
    await found().catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
  }
  t.teardown(() => {
    for (const pid of [npm.pid, Number(shell), broker]) if (pid && isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return { npm: Number(npm.pid), shell: Number(shell), broker };
}

const STARTED_BY_NPM = { npm_package_name: 'berth', npm_lifecycle_event: 'berth' };

t.test('a broker that npm started ends when npm is killed', async (t) => {
  const { npm, broker } = await chain(t, STARTED_BY_NPM);
  t.ok(isRunning(broker));
  process.kill(npm, 'SIGKILL');
  t.ok(await until('the end of the broker', () => !isRunning(broker)));
});

t.test('a broker that npm started ends when npm passes a signal on to its shell', async (t) => {
  const { shell, broker } = await chain(t, STARTED_BY_NPM);
  process.kill(shell, 'SIGTERM');
  t.ok(await until('the end of the broker', () => !isRunning(broker)));
});

t.test('a broker that was started in another way outlives its parents', async (t) => {
  const { npm, shell, broker } = await chain(t, { npm_package_name: 'another', npm_lifecycle_event: 'start' });
  process.kill(npm, 'SIGKILL');
  process.kill(shell, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(isRunning(broker));
});

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { createApiClient, type ListedServer } from '../../../adapters/cli/api.ts';
import { type BerthProcess, connectionOf, isRunning, startBerth } from '../../helpers/berth-process.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

const run = promisify(execFile);

async function servers(dataDir: string): Promise<readonly ListedServer[]> {
  const client = await createApiClient(await connectionOf(dataDir));
  try {
    return await client.describeServers();
  } finally {
    await client.close();
  }
}

const isInstalled = (command: string): Promise<boolean> =>
  run(command, ['--version']).then(
    () => true,
    () => false,
  );

/** Signals go to a process group, as from a terminal. */
const interrupt = (berth: BerthProcess, signal: 'SIGINT' | 'SIGTERM'): boolean => process.kill(-Number(berth.child.pid), signal);

t.test('one command brings up a broker and servers that differ', async (t) => {
  const dataDir = join(temporaryFolder(t), "it's here");
  const berth = await startBerth(t, dataDir, 3);
  t.equal(berth.stderr(), '');
  const listed = await servers(dataDir);
  t.same(listed.map(({ Hostname }) => Hostname).sort(), ['linux-1', 'linux-2', 'windows-3']);
  for (const { Hostname, Availability } of listed) t.equal(Availability, 'AVAILABLE', String(Hostname));
  for (const of of ['Memory', 'CpuInfo'] as const) t.equal(new Set(listed.map(({ Host }) => JSON.stringify(Host?.[of]))).size, 3, of);
  t.match(berth.stdout(), /linux-2 +Amazon Linux +32 +128 GiB +team=simulation tier=gpu +AVAILABLE\n/);

  t.test('the request that it shows works when it is pasted', { skip: !(await isInstalled('curl')) && 'no curl' }, async (t) => {
    const lines = berth.stdout().split('\n');
    const script = lines.slice(
      lines.findIndex((line) => line.includes('CLIENT=')),
      lines.findIndex((line) => line.startsWith('Its answer')),
    );
    const { stdout, stderr } = await run('bash', ['-c', script.join('\n')]);
    t.equal(stderr, '');
    t.match(JSON.parse(stdout), {
      SuccessfulList: [{ Name: 'first', Owner: 'me', Type: 'VIRTUAL', State: 'CREATING' }],
      UnsuccessfulList: [],
    });
    const password = (await connectionOf(dataDir)).clientPassword;
    t.notMatch(berth.stdout(), password, 'the password is not shown');
  });

  t.test('Ctrl-C ends everything within seconds', async (t) => {
    const children = berth.children();
    t.equal(children.length, 4);
    const startedAt = performance.now();
    interrupt(berth, 'SIGINT');
    t.equal(await berth.ended, 0);
    t.ok(performance.now() - startedAt < 8000);
    t.same(children.filter(isRunning), []);
    t.equal(berth.stderr(), '');
  });

  t.test('the next start finds the same servers', async (t) => {
    const again = await startBerth(t, dataDir, 3);
    t.equal((await servers(dataDir)).length, 3);
    interrupt(again, 'SIGTERM');
    t.equal(await again.ended, 0);
    t.notMatch(again.stderr(), 'has ended', 'a broker that was told to end is not mourned');
  });
});

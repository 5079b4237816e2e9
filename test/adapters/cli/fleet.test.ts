import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { ListedServer } from '../../../adapters/cli/api.ts';
import { simulatedServer, writeAgentFiles } from '../../../adapters/cli/fleet.ts';
import { awaitFleet } from '../../../adapters/cli/fleet-watch.ts';
import { welcome } from '../../../adapters/cli/welcome.ts';
import type { ConnectionFile } from '../../../adapters/connection-file.ts';
import { loadAgentConfig } from '../../../agent/config.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

const connection: ConnectionFile = {
  url: 'https://127.0.0.1:8443',
  caFile: '/data/tls/ca.pem',
  agentHost: '127.0.0.1',
  agentPort: 8445,
  clientId: 'id',
  clientPassword: 'secret',
  softwareStatementFile: '/data/software-statement.txt',
};

function listed(Hostname: string, Availability: string): ListedServer {
  const Host = { Os: { Name: 'Linux' }, Memory: { TotalBytes: 2 ** 34 }, CpuInfo: { NumberOfCpus: 4 } };
  const reason = Availability === 'AVAILABLE' ? {} : { UnavailabilityReason: 'UNREACHABLE_AGENT' };
  return { Hostname, Availability, ...reason, Tags: [{ Key: 'dcv:os-family', Value: 'linux' }], Host };
}

t.test('simulated servers are the same at every start and none has the name of another', async (t) => {
  const fleet = Array.from({ length: 30 }, (_, index) => simulatedServer(index + 1));
  t.same(
    fleet,
    Array.from({ length: 30 }, (_, index) => simulatedServer(index + 1)),
  );
  t.equal(new Set(fleet.map(({ hostname }) => hostname)).size, 30);
  t.equal(fleet.filter(({ os }) => os === 'windows').length, 10);
  for (const { cpus, memoryGib } of fleet) t.ok(cpus <= 128 && memoryGib <= 512);
});

t.test('an agent reads what was written for it', async (t) => {
  const dataDir = temporaryFolder(t);
  const file = await writeAgentFiles(dataDir, 2, connection);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  const config = await loadAgentConfig(file);
  t.match(config, {
    brokers: [{ host: '127.0.0.1', port: 8445 }],
    caFile: connection.caFile,
    softwareStatementPath: connection.softwareStatementFile,
    driver: 'simulated',
    stateFolder: join(dataDir, 'servers', '2', 'state'),
    maxVirtualSessions: 4,
    maxSessionsPerUser: 10,
    simulated: { hostname: 'linux-2', osFamily: 'linux', cpus: 32, gpus: 2, memoryBytes: 128 * 2 ** 30 },
  });
  t.match(await readFile(join(String(config.tagsFolders[0]), 'berth.toml'), 'utf8'), 'team = "simulation"');
  t.equal(dirname(config.log.directory), dirname(config.stateFolder), 'it logs where its other files are');
});

t.test('the fleet is awaited until enough servers are reached, full or not', async (t) => {
  const full = { ...listed('b', 'UNAVAILABLE'), UnavailabilityReason: 'SERVER_FULL' };
  const answers = [[], [listed('a', 'AVAILABLE')], [listed('a', 'AVAILABLE'), full]];
  const { signal } = new AbortController();
  const state = await awaitFleet({ describeServers: async () => answers.shift() ?? [], wanted: 2, patienceMs: 10_000, signal });
  t.equal(state.reached, 2);
  t.same(answers, []);
});

t.test('the fleet is awaited only so long, even by a broker that does not answer', async (t) => {
  const { signal } = new AbortController();
  const some = await awaitFleet({ describeServers: async () => [listed('a', 'UNAVAILABLE')], wanted: 1, patienceMs: 50, signal });
  t.match(some, { reached: 0, servers: [{ Hostname: 'a' }] });
  const none = await awaitFleet({ describeServers: async () => Promise.reject(new Error('no answer')), wanted: 1, patienceMs: 50, signal });
  t.same(none, { reached: 0, servers: [] });
  const asked = await awaitFleet({ describeServers: async () => [], wanted: 1, patienceMs: 60_000, signal: AbortSignal.abort() });
  t.equal(asked.reached, 0);
});

t.test('the welcome lists servers by name and says why one takes no sessions', async (t) => {
  const servers = [listed('linux-10', 'AVAILABLE'), listed('linux-2', 'UNAVAILABLE')];
  const text = welcome('/data', connection, { fleet: { servers, reached: 1 }, tokens: 'here', wanted: 2 });
  t.match(text, 'a broker and 2 simulated servers.');
  t.match(text, '  linux-2   Linux   4     16 GiB  -     UNREACHABLE_AGENT\n  linux-10  Linux   4     16 GiB  -     AVAILABLE\n');
  t.match(text, 'Only 1 of 2 are there so far.');
  t.match(text, '--cacert /data/tls/ca.pem -u');
});

t.test('the welcome makes no fuss when all is well', async (t) => {
  const text = welcome("/it's here", connection, { fleet: { servers: [listed('a', 'AVAILABLE')], reached: 1 }, tokens: 'here', wanted: 1 });
  t.match(text, 'a broker and 1 simulated server.');
  t.notMatch(text, 'Only');
  t.match(text, "'/it'\\''s here/connection.json'");
  t.match(
    welcome('/data', connection, { fleet: { servers: [], reached: 0 }, tokens: 'here', wanted: 0 }),
    'a broker and 0 simulated servers.',
  );
});

t.test('the welcome asks for a token only where there are tokens to be had', async (t) => {
  const fleet = { servers: [listed('a', 'AVAILABLE')], reached: 1 };
  const open = welcome('/data', connection, { fleet, tokens: 'needless', wanted: 1 });
  t.match(open, "--cacert /data/tls/ca.pem -H 'Content-Type");
  t.notMatch(open, 'TOKEN');
  const elsewhere = welcome('/data', connection, { tokens: 'elsewhere', wanted: 1 });
  t.match(elsewhere, 'tokens of an authorization server of yours');
  t.notMatch(elsewhere, 'curl');
});

t.test('a process whose orderly end takes too long ends all the same, and not as a success', async (t) => {
  const lifetime = new URL('../../../adapters/cli/lifetime.js', import.meta.url).href;
  const script = `import('${lifetime}').then(({ endWithin }) => endWithin(50, new Promise(() => {})));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  t.same(await once(child, 'close'), [1, null]);
  t.match(said, 'Not ended within 0.05 s');
});

import { stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { ConfigError, loadAgentConfig, parseAgentConfig } from '../../agent/config.ts';
import { runAgent } from '../../agent/main.ts';
import { newFolder, recordingLogger } from '../helpers/real-agent.ts';

const MINIMAL = "version = '0.1'\n[agent]\nbroker_host = 'broker'\n";

const problems = (toml: string): string => {
  try {
    parseAgentConfig(toml);
    return '';
  } catch (error) {
    return error instanceof ConfigError ? error.message : `not a ConfigError: ${error}`;
  }
};

t.test('a file of the original is read with the defaults of the original', async (t) => {
  const config = parseAgentConfig(`
version = '0.1'
[agent]
broker_host = 'broker.example'
broker_port = 8446
ca_file = '/etc/broker.pem'
[log]
level = 'debug'
rotation = 'hourly'
max-file-size = 1000
rotate = 3
`);
  t.match(config, {
    brokers: [{ host: 'broker.example', port: 8446 }],
    caFile: '/etc/broker.pem',
    tlsStrict: true,
    initFolder: '/var/lib/dcv-session-manager-agent/init',
    autorunFolder: '/var/lib/dcv-session-manager-agent/autorun',
    tagsFolders: ['/etc/dcv-session-manager-agent', '/etc/dcv-session-manager-agent/tags'],
    maxVirtualSessions: -1,
    maxSessionsPerUser: 1,
    updateIntervalMs: 30_000,
    dcvPath: '/usr/bin/dcv',
    driver: 'dcv',
    log: { level: 'debug', directory: '/var/log/dcv-session-manager-agent/', rotation: 'hourly', maxFileSize: 1000, rotate: 3 },
  });
  const { brokers, log, simulated } = parseAgentConfig(MINIMAL);
  t.same(brokers, [{ host: 'broker', port: 8445 }]);
  t.match(log, { level: 'info', rotation: 'daily', maxFileSize: 10_485_760, rotate: 9 });
  t.match(simulated, { hostname: hostname(), memoryBytes: 16 * 2 ** 30, latencyMs: { min: 200, max: 800 }, seed: undefined });
  t.same(parseAgentConfig(`${MINIMAL}tags_folder = '/tags'`).tagsFolders, ['/tags']);
});

t.test('several brokers are named in an array or separated by commas, each with its own port or none', async (t) => {
  const brokers = (toml: string) => parseAgentConfig(`version = '0.1'\n[agent]\nbroker_host = ${toml}\nbroker_port = 1`).brokers;
  const three = [
    { host: 'a.example', port: 1 },
    { host: '10.0.0.4', port: 8445 },
    { host: 'b', port: 2 },
  ];
  t.same(brokers("'a.example, 10.0.0.4:8445,,b:2'"), three);
  t.same(brokers("['a.example', '10.0.0.4:8445', 'b:2']"), three);
  t.same(brokers("['2001:db8::4', '[2001:db8::5]', '[::1]:7']"), [
    { host: '2001:db8::4', port: 1 },
    { host: '2001:db8::5', port: 1 },
    { host: '::1', port: 7 },
  ]);
  for (const wrong of ['a:0', 'a:65536', 'a:x', 'a:', ':1', '[a]:1', 'https://a', 'a b', 'a/b']) {
    const message = `Line 3: agent.broker_host: "${wrong}" is not a host, with or without :port behind it`;
    t.throws(() => brokers(`'b,${wrong}'`), { name: 'ConfigError', message });
  }
  for (const none of ["','", '[]', "''", "['']", '1']) {
    t.throws(() => brokers(none), { name: 'ConfigError', message: /^Line 3: agent\.broker_host/ }, none);
  }
});

t.test('an unknown key is named together with the one that was probably meant', async (t) => {
  t.equal(problems(`${MINIMAL}broker_prot = 1`), 'Line 4: agent.broker_prot: there is no such key; did you mean broker_port?');
  t.equal(problems(`${MINIMAL}xyzzy_plugh_quux = 1`), 'Line 4: agent.xyzzy_plugh_quux: there is no such key');
  t.equal(problems(`${MINIMAL}[logs]\nlevel = 'info'`), 'Line 4: logs: there is no such key; did you mean log?');
  t.equal(
    problems(`${MINIMAL}[berth.simulated]\nlatency_min = 1`),
    'Line 5: berth.simulated.latency_min: there is no such key; did you mean latency_ms_min?',
  );
});

t.test('everything that is wrong is said at once', async (t) => {
  const text = problems("version = '0.1'\n[agent]\nbroker_port = 'x'\ntls_strict = 1");
  t.match(text, /^agent\.broker_host: it is missing$/m);
  t.match(text, /^Line 3: agent\.broker_port: .*expected number/m);
  t.match(text, /^Line 4: agent\.tls_strict: /m);
  t.equal(problems("[agent]\nbroker_host = 'x'"), 'version: it is missing');
  t.equal(problems("version = '2'\n[agent]\nbroker_host = 'x'"), "Line 1: version: expected '0.1'");
  t.match(problems('version = '), /^Line 1: this is not TOML: /);
  t.equal(problems(`#${'x'.repeat(2 ** 20)}`), 'The file is larger than 1048576 bytes');
});

t.test('a file that cannot be read, or not understood, is named', async (t) => {
  const folder = await newFolder();
  await t.rejects(loadAgentConfig(join(folder, 'none')), { name: 'ConfigError', message: /cannot be read: .*none/ });
  const path = join(folder, 'agent.conf');
  await writeFile(path, 'version = 1');
  await t.rejects(loadAgentConfig(path), { name: 'ConfigError', message: new RegExp(`^${path}\nLine 1: version: `) });
  await writeFile(path, MINIMAL);
  t.match(await loadAgentConfig(path), { brokers: [{ host: 'broker' }] });
});

t.test('an agent starts although its DCV server is missing, and says that it is', async (t) => {
  const state = await newFolder();
  const toml = `${MINIMAL.replace("'broker'", "'127.0.0.1'")}broker_port = 1\ndcv_root = '/no/such/dcv'\n`;
  const config = { ...parseAgentConfig(toml), stateFolder: join(state, 'not', 'there', 'yet') };
  const ports = { clock: systemClock, random: systemRandom, logger: recordingLogger() };
  const agent = await runAgent(config, ports);
  t.notOk(agent.connected());
  await agent.stop();
  t.equal((await stat(config.stateFolder)).mode & 0o777, 0o700);
  t.equal((await stat(dirname(config.stateFolder))).mode & 0o055, 0o055, 'others pass through what is above it');
});

t.test('a simulated host with a seed behaves alike on every run', async (t) => {
  const ports = { clock: systemClock, random: systemRandom, logger: recordingLogger() };
  const toml = `${MINIMAL.replace("'broker'", "'127.0.0.1'")}broker_port = 1\n[berth]\ndriver = 'simulated'\n[berth.simulated]\nseed = 3`;
  const config = { ...parseAgentConfig(toml), stateFolder: await newFolder() };
  const agent = await runAgent(config, ports);
  t.notOk(agent.connected());
  await agent.stop();
  const unseeded = await runAgent({ ...config, simulated: { ...config.simulated, seed: undefined } }, ports);
  await unseeded.stop();
});

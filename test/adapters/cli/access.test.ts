/** The access commands against a running broker: what they hand out and take back holds at once and over restarts, and nobody else can give them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { SignJWT, UnsecuredJWT } from 'jose';
import t, { type Test } from 'tap';
import { createClient } from '../../../adapters/client/client.ts';
import { BERTH, runBerth, runModule } from '../../helpers/berth-process.ts';
import { type RealBroker, startBroker } from '../../helpers/real-broker.ts';
import { newSigningKeys } from '../../helpers/signing-keys.ts';

async function run(t: Test, dataDir: string, ...words: readonly string[]) {
  const berth = runBerth(t, ...words, '--data-dir', dataDir);
  const code = await berth.ended;
  return { code, stdout: berth.stdout(), stderr: berth.stderr() };
}

/** Behind the heading. */
const listOf = (stdout: string): unknown => JSON.parse(stdout.slice(stdout.indexOf('\n')));

function clientOf(t: Test, { connection: { url, caFile } }: RealBroker, id: string, password: string) {
  const access = { authServerUrl: `${url}/oauth2/token`, id, password };
  const client = createClient({ brokerUrl: url, access, ca: readFileSync(caFile, 'utf8'), verify: true });
  t.teardown(client.close);
  return client;
}

async function registered(t: Test, { dataDir }: RealBroker, ...flag: readonly string[]) {
  const { stdout } = await run(t, dataDir, 'register-api-client', ...flag);
  const [, id = '', password = ''] = /^client-id: ([0-9a-f-]{36})\nclient-password: (\S+)\n$/.exec(stdout) ?? [];
  return { id, password };
}

t.test('an API client is registered, listed and unregistered, and its tokens with it', async (t) => {
  const broker = await startBroker(t);
  const { id, password } = await registered(t, broker, '-cn', 'portal');
  const client = clientOf(t, broker, id, password);
  t.match(await client.call('describeSessions', {}), { Sessions: [] });
  const entry = { name: 'portal', id, active: true };
  const before = await run(t, broker.dataDir, 'describe-api-clients');
  t.match(before, { code: 0, stderr: '', stdout: /^Api clients\n\[/ });
  t.match(listOf(before.stdout), [{ name: 'default', active: true }, entry]);
  t.same(await run(t, broker.dataDir, 'unregister-api-client', '--client-id', id), {
    code: 0,
    stdout: `Client ${id} unregistered.\n`,
    stderr: '',
  });
  await t.rejects(client.call('describeSessions', {}), { exitCode: 254, message: /does not take these credentials/ });
  await broker.kill();
  broker.spawn();
  await broker.ready();
  const after = await run(t, broker.dataDir, 'describe-api-clients');
  t.match(listOf(after.stdout), [{ active: true }, { ...entry, active: false }], 'also after a crash');
  const [fact] = (await run(t, broker.dataDir, 'audit', '--type', 'api-client.unregistered', '--json')).stdout
    .split('\n')
    .map((line) => line && JSON.parse(line));
  t.match(fact, { Cause: { Kind: 'operator' } });
  const unknown = await run(t, broker.dataDir, 'unregister-api-client', '--client-id', 'nobody');
  t.same(unknown, { code: 254, stdout: '', stderr: 'There is no API client with the id nobody.\n' });
  t.match(await run(t, broker.dataDir, 'register-api-client', '--client-name', 'a\nb'), { code: 254, stderr: /^name: has characters/ });
});

t.test('renewed keys sign from then on, and tokens of the old ones stay good', async (t) => {
  const broker = await startBroker(t);
  const { clientId, clientPassword } = broker.connection;
  const old = clientOf(t, broker, clientId, clientPassword);
  await old.call('describeSessions', {});
  t.match(await run(t, broker.dataDir, 'renew-auth-server-api-key'), { code: 0, stdout: 'Keys renewed.\n' });
  await old.call('describeSessions', {});
  const traced: string[] = [];
  const { url, caFile } = broker.connection;
  const access = { authServerUrl: `${url}/oauth2/token`, id: clientId, password: clientPassword };
  const anew = createClient(
    { brokerUrl: url, access, ca: readFileSync(caFile, 'utf8'), verify: true },
    { trace: (line) => traced.push(line) },
  );
  t.teardown(anew.close);
  await anew.call('describeSessions', {});
  t.match(traced, [/oauth2\/token: 200/, /describeSessions: 200/]);
  const facts = await run(t, broker.dataDir, 'audit', '--type', 'signing-key.created', '--json');
  t.match(facts.stdout, /"Kind":"broker".*\n.*"Kind":"operator"/);
});

t.test('forged tokens are refused whatever they say', async (t) => {
  const broker = await startBroker(t);
  const { url, caFile, clientId } = broker.connection;
  const strange = newSigningKeys();
  const exp = Math.floor(Date.now() / 1000) + 600;
  const claims = { iss: 'berth', sub: clientId, aud: 'api', exp };
  const signed = (payload: object, kid: string) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'RS256', kid }).sign(strange.current.privateKey);
  const symmetric = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: strange.current.kid }).sign(readFileSync(caFile));
  const tokens = await Promise.all([
    new UnsecuredJWT(claims).encode(),
    signed(claims, strange.current.kid),
    signed(claims, 'x'),
    symmetric,
  ]);
  for (const token of tokens) {
    const client = createClient({ brokerUrl: url, access: { token }, ca: readFileSync(caFile, 'utf8'), verify: true });
    await t.rejects(client.call('describeSessions', {}), { exitCode: 254, message: /401: The token is not valid/ });
    await client.close();
  }
});

t.test('permits for agents are made, listed by id, and deactivated by what they say or by id', async (t) => {
  const { dataDir } = await startBroker(t);
  const made = await run(t, dataDir, 'generate-software-statement');
  const [, statement = ''] = /^software-statement: (\S+)\n$/.exec(made.stdout) ?? [];
  const list = async () => listOf((await run(t, dataDir, 'describe-software-statements')).stdout) as { 'software-statement': string }[];
  const active = { 'issued-at': /^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d \+0000$/, 'is-active': 'true' };
  t.match(await list(), [active, active]);
  t.match(await run(t, dataDir, 'deactivate-software-statement', '--software-statement', statement), {
    code: 0,
    stdout: 'Software statement deactivated.\n',
  });
  const [first, second] = await list();
  const { id } = JSON.parse(Buffer.from(statement, 'base64').toString());
  t.match(
    [first, second].find((each) => each?.['software-statement'] === id),
    { 'is-active': 'false' },
  );
  t.match(await run(t, dataDir, 'deactivate-software-statement', '--software-statement', id), {
    code: 254,
    stderr: /no such software statement/,
  });
  const other = [first, second].find((each) => each?.['software-statement'] !== id)?.['software-statement'] ?? '';
  t.match(await run(t, dataDir, 'deactivate-software-statement', '--software-statement', other), { code: 0 });
  t.same((await run(t, dataDir, 'describe-agent-clients')).stdout, 'Agent clients\n[]\n');
  t.match(await run(t, dataDir, 'unregister-agent-client', '--client-id', id), { code: 254, stderr: /no agent client/ });
});

t.test('without a broker there is a sentence, and a socket that was left behind is no broker', async (t) => {
  const broker = await startBroker(t);
  await broker.kill();
  const none = {
    code: 255,
    stdout: '',
    stderr: `No broker is running on ${broker.dataDir}. Start it (berth broker), or give the right --data-dir.\n`,
  };
  t.ok(existsSync(join(broker.dataDir, 'admin', 'admin.sock')));
  t.same(await run(t, broker.dataDir, 'describe-api-clients'), none);
  broker.spawn();
  await broker.ready();
  t.match(await run(t, broker.dataDir, 'describe-api-clients'), { code: 0 });
  await broker.kill('SIGTERM');
  t.notOk(existsSync(join(broker.dataDir, 'admin', 'admin.sock')));
  t.same(await run(t, broker.dataDir, 'describe-api-clients'), none);
  t.match(await run(t, join(broker.dataDir, 'nowhere'), 'describe-api-clients'), { code: 253, stderr: /There is no data folder/ });
});

t.test('a data folder with a long path has its socket elsewhere, and takes it along when it ends', async (t) => {
  const dataDir = join(t.testdir(), 'deep'.repeat(20), 'data');
  const broker = runModule(t, BERTH, ['broker', '--data-dir', dataDir, '--client-port', '0', '--agent-port', '0']);
  await broker.says('The broker is ready');
  const address = readFileSync(join(dataDir, 'admin', 'address'), 'utf8').trim();
  t.match(address, /\/berth-admin-[^/]+\/admin\.sock$/);
  t.equal(statSync(join(address, '..')).mode & 0o777, 0o700);
  t.match(await run(t, dataDir, 'describe-api-clients'), { code: 0 });
  broker.child.kill('SIGTERM');
  await broker.ended;
  t.notOk(existsSync(join(address, '..')));
});

t.test('only the user of the broker can open the socket', async (t) => {
  const { dataDir } = await startBroker(t);
  const socket = join(dataDir, 'admin', 'admin.sock');
  t.equal(statSync(socket).mode & 0o777, 0o600);
  t.equal(statSync(join(dataDir, 'admin')).mode & 0o777, 0o700);
  await new Promise<void>((resolve, reject) => connect(socket, resolve).unref().once('error', reject));
  if (process.getuid?.() !== 0) return t.comment('Not root: no other user to try with.');
  // Even where somebody opens the folders, the socket itself is closed to others.
  for (const folder of [join(dataDir, '..'), dataDir, join(dataDir, 'admin')]) chmodSync(folder, 0o755);
  const script = `require('net').connect(${JSON.stringify(socket)}).on('error', (e) => { console.log(e.code); process.exit(3) }).on('connect', () => process.exit(0))`;
  const other = spawnSync(process.execPath, ['-e', script], { uid: 65534, gid: 65534, cwd: '/', env: {}, encoding: 'utf8' });
  t.match(other, { status: 3, stdout: 'EACCES\n' });
});

t.test('DNS mappings are registered as a whole, kept over a crash, and refused as a whole with line and field', async (t) => {
  const broker = await startBroker(t);
  const { dataDir } = broker;
  const mapping = (id: string, name: string) => ({ ServerIdType: 'Ip', ServerId: id, DnsNames: { InternalDnsName: name } });
  const write = (value: unknown): string => {
    const file = join(dataDir, 'mappings.json');
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 1));
    return file;
  };
  const register = (value: unknown) => run(t, dataDir, 'register-server-dns-mappings', '--file-path', write(value));
  const list = async () => JSON.parse((await run(t, dataDir, 'describe-server-dns-mappings')).stdout);
  t.same(await list(), []);
  const external = {
    ServerIdType: 'Host.Aws.Ec2InstanceId',
    ServerId: 'i-1',
    DnsNames: { InternalDnsName: 'b', ExternalDnsName: 'b.example.com' },
  };
  const done = await register([mapping('10.0.0.1', 'a.internal'), external]);
  t.match(done, { code: 0, stdout: `Successfully loaded 2 server id - dns name mappings from file ${join(dataDir, 'mappings.json')}\n` });
  await broker.kill();
  broker.spawn();
  await broker.ready();
  const kept = [
    { serverIdType: 'Ip', serverId: '10.0.0.1', dnsNames: { internalDnsName: 'a.internal' } },
    { serverIdType: 'Host.Aws.Ec2InstanceId', serverId: 'i-1', dnsNames: { internalDnsName: 'b', externalDnsName: 'b.example.com' } },
  ];
  t.same(await list(), kept);
  const faults: readonly (readonly [unknown, RegExp])[] = [
    ['[{\n"ServerIdType": "Ip",,\n}]', /mappings.json, line 2: this is not JSON/],
    [[mapping('a', 'a.b'), { ...mapping('b', 'c.d'), ServerIdType: 'Name' }], /line 10: \[1\]\.ServerIdType: /],
    [[mapping('a', '10.0.0.1')], /line 6: \[0\]\.DnsNames\.InternalDnsName: must be a DNS name/],
    [[mapping('a', 'a.b'), mapping('a', 'c.d')], /line 11: \[1\]\.ServerId: is mapped by entry 1 already/],
    [[{ ServerIdType: 'Ip' }], /line 2: \[0\]\.ServerId: /],
    [{}, /line 1: /],
  ];
  for (const [value, sentence] of faults) t.match(await register(value), { code: 252, stdout: '', stderr: sentence });
  t.match(await run(t, dataDir, 'register-server-dns-mappings', '--file-path', '/nowhere'), {
    code: 252,
    stderr: /\/nowhere cannot be read/,
  });
  t.same(await list(), kept);
  await register([]);
  t.same(await list(), []);
});

/** The commands of the client against a broker and an agent: all of them processes. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { BERTH, type ModuleOptions, runModule } from '../../helpers/berth-process.ts';
import { type RealBroker, startAgent, startBroker, writeServer } from '../../helpers/real-broker.ts';
import { until } from '../../helpers/until.ts';

/** Whatever the one who runs the tests has set for a client of his own. */
const CLEAN = { DCV_SM_AUTH_SERVER_URL: '', DCV_SM_CLIENT_ID: '', DCV_SM_CLIENT_PASSWORD: '', DCV_SM_OAUTH2_TOKEN: '' };

async function run(t: Test, words: readonly string[], { env, ...options }: ModuleOptions = {}) {
  const empty = t.testdirName;
  mkdirSync(empty, { recursive: true });
  const berth = runModule(t, BERTH, words, { cwd: empty, ...options, env: { ...CLEAN, XDG_CONFIG_HOME: empty, ...env } });
  const code = await berth.ended;
  const [stdout, stderr] = [berth.stdout(), berth.stderr()];
  return { code, stdout, stderr, json: stdout.startsWith('{') ? JSON.parse(stdout) : undefined };
}

let broker: RealBroker;
let serverId = '';

t.before(async () => {
  broker = await startBroker(t);
  const files = await writeServer(broker, { hostname: 'host-1', maxVirtualSessions: 20 });
  startAgent(t, files);
  for (let isThere = false; !isThere; ) isThere = (await broker.client.describeServers()).length > 0;
  serverId = await files.id();
});

const local = (...words: readonly string[]): readonly string[] => [...words, '--data-dir', broker.dataDir];

async function newSession(t: Test, ...words: readonly string[]): Promise<string> {
  const { json } = await run(t, local('create-session', '--name', 'one', '--owner', 'ann', '--type', 'Virtual', '--wait', ...words));
  return json.SuccessfulList[0].Id;
}

t.test('a session is made with everything that can be said of it, waited for, described, and deleted', async (t) => {
  const permissions = join(t.testdir({ 'ann.perm': '[permissions]\n%owner% allow builtin\n' }), 'ann.perm');
  const words = [
    '--init-file',
    'init.sh',
    '--autorun-file',
    'run.sh',
    '--autorun-file-arguments',
    'a',
    'b c',
    '--autorun-file-arguments=-v',
  ];
  const more = ['--max-concurrents-clients', '7', '--dcv-gl-enabled', '--permissions-file', permissions, '--storage-root', '/home'];
  const rest = ['--requirements', "tag:dcv:os-family = 'linux'", '--enqueue-request', '--disable-retry-on-failure', 'false'];
  const id = await newSession(t, ...words, ...more, ...rest);
  const [{ Data: requested } = { Data: undefined }] = await broker.client.sessionHistory(id);
  t.match(requested, {
    owner: 'ann',
    initFile: 'init.sh',
    autorunFile: 'run.sh',
    autorunFileArguments: ['a', 'b c', '-v'],
    maxConcurrentClients: 7,
    dcvGlEnabled: true,
    permissionsFile: 'W3Blcm1pc3Npb25zXQolb3duZXIlIGFsbG93IGJ1aWx0aW4K',
    storageRoot: '/home',
    requirements: "tag:dcv:os-family = 'linux'",
    enqueue: true,
    retry: true,
  });
  const described = await run(t, local('describe-sessions', '--session-ids', `${id},none`, '--owner', 'ann'));
  t.match(described, { code: 0, stderr: '', json: { Sessions: [{ Id: id, State: 'READY', Server: { Hostname: 'host-1' } }] } });
  const other = await run(t, local('describe-sessions', '--owner', 'bob', '--max-results', '5', '--output-format', 'table'));
  t.equal(other.stdout, 'ID  NAME  OWNER  TYPE  STATE  SERVER  CLIENTS  CREATED\n');
  const deleted = await run(t, local('delete-session', '--session-id', id, '--owner', 'ann', '--force', '--wait'));
  t.match(deleted, { code: 0, stderr: '', json: { SuccessfulList: [{ SessionId: id, State: 'DELETED' }] } });
});

t.test('one connects to a session, takes pictures of it, and changes its permissions', async (t) => {
  const id = await newSession(t, '--init-file-path', '/var/lib/dcv-session-manager-agent/init/init.sh', '--max-concurrent-clients', '2');
  const connection = await run(t, local('get-session-connection-data', '--session-id', id, '--user', 'DOMAIN\\ann'));
  t.match(connection, { code: 0, json: { Session: { Id: id }, ConnectionToken: /^eyJ/ } });
  const table = await run(t, local('get-session-connection-data', '--session-id', id, '--user', 'ann', '--output-format', 'table'));
  t.match(table.stdout, /READY.*\n\nConnection token:\neyJ/s);
  const pictures = await run(t, local('get-session-screenshots', '--session-ids', id, '--max-width', '64', '--max-height', '40'));
  t.match(pictures, { code: 0, json: { SuccessfulList: [{ SessionScreenshot: { Images: [{ Format: 'png' }] } }] } });
  const listed = await run(t, local('get-session-screenshots', '--session-ids', id, '--output-format', 'table'));
  t.match(listed.stdout, new RegExp(`${id} +png +\\d+ +20`));
  const file = join(t.testdir({ 'new.perm': '[permissions]\n' }), 'new.perm');
  for (const flag of ['--permission-file', '--permissions-file']) {
    const changed = await run(t, local('update-session-permissions', '--session-id', id, '--owner', 'ann', flag, file));
    t.match(changed, { code: 0, json: { SuccessfulList: [{ SessionId: id }] } });
  }
  t.match((await broker.client.sessionHistory(id)).at(-1), { Type: 'session.permissions-updated' });
});

t.test('servers are described page by page, closed and opened', async (t) => {
  await newSession(t);
  const servers = await run(t, local('describe-servers', '--server-ids', serverId, '--max-results', '1'));
  t.match(servers, { code: 0, json: { Servers: [{ Id: serverId, Host: { Os: { Family: 'linux' } } }] } });
  const table = await run(t, local('describe-servers', '--output-format', 'table'));
  t.match(table.stdout, new RegExp(`^SERVER .*ID\\nhost-1 .* AVAILABLE .*${serverId}\\n$`));
  const refused = await run(t, local('close-servers', '--server-ids', `${serverId},none`));
  t.match(refused, { code: 254, json: { UnsuccessfulList: [{}, { FailureCode: 'DCV_SERVER_NOT_FOUND' }] } });
  t.match(refused.stderr, 'The server none was not closed: Dcv server not found. (DCV_SERVER_NOT_FOUND)');
  t.match(await run(t, local('close-servers', '--server-ids', serverId, '--force')), { code: 0, json: { SuccessfulList: [{}] } });
  t.match((await run(t, local('describe-servers'))).json, { Servers: [{ UnavailabilityReason: 'SERVER_CLOSED' }] });
  t.match(await run(t, local('open-servers', '--server-ids', serverId)), { code: 0, json: { SuccessfulList: [{ ServerId: serverId }] } });
  const page = await run(t, local('describe-sessions', '--max-results', '1', '--output-format', 'table'));
  const [, next = ''] = /There are more: --next-token (\S+)/.exec(page.stdout) ?? [];
  t.match(await run(t, local('describe-sessions', '--max-results', '1', '--next-token', next)), { code: 0, json: { Sessions: [{}] } });
  t.match(await run(t, local('describe-servers', '--next-token', 'x')), { code: 254, stderr: /^The broker answered 400: .*NextToken/ });
});

t.test('an item that is turned down is an error of the service, with its reason', async (t) => {
  const created = await run(
    t,
    local('create-session', '--name', 'x', '--owner', 'ann', '--type', 'VIRTUAL', '--requirements', "tag:no = '1'"),
  );
  t.match(created, { code: 254, json: { UnsuccessfulList: [{ FailureReason: /No DCV server/ }] } });
  t.match(created.stderr, /^The session was not created: No DCV server found/);
  const strange = await run(t, local('delete-session', '--session-id', 'none', '--owner', 'ann', '--wait'));
  t.match(strange, { code: 254, stderr: 'The session none was not deleted: The requested dcvSession does not exist\n' });
  const unknown = await run(t, local('get-session-connection-data', '--session-id', 'none', '--user', 'ann'));
  t.match(unknown, { code: 254, stdout: '', stderr: /^The broker answered 400: The requested dcvSession does not exist/ });
  const picture = await run(t, local('get-session-screenshots', '--session-ids', 'none'));
  t.match(picture, { code: 254, stderr: 'The session none was not pictured: Dcv session not found.\n' });
});

t.test('who waits in vain, or for what ends otherwise, is told so by the exit code', async (t) => {
  const nowhere = ['--requirements', "tag:no = '1'", '--enqueue-request', '--wait'];
  const create = local('create-session', '--name', 'x', '--owner', 'ann', '--type', 'Virtual', ...nowhere);
  const late = await run(t, [...create, '--wait-timeout', '1']);
  t.match(late, { code: 2, json: { SuccessfulList: [{ State: 'CREATING' }] } });
  t.match(late.stderr, /is not READY after 1 s; it is CREATING \(SESSION_PLACING\)/);
  const waiting = run(t, create);
  const listed = async () => (await broker.client.describeSessions({ Filters: [{ Key: 'state', Value: 'CREATING' }] })).map(({ Id }) => Id);
  const first = late.json.SuccessfulList[0].Id;
  let others: readonly (string | null | undefined)[] = [];
  while (others.length === 0) others = (await listed()).filter((id) => id !== first);
  await broker.client.deleteSessions([first, ...others].map((id) => ({ SessionId: String(id), Owner: 'ann' })));
  const ended = await waiting;
  t.match(ended, { code: 1, json: { SuccessfulList: [{ State: 'DELETED' }] } });
  t.match(ended.stderr, /did not become READY; it is DELETED/);
});

t.test('Ctrl-C ends waiting with 130', async (t) => {
  const words = ['create-session', '--name', 'x', '--owner', 'ann', '--type', 'Virtual', '--requirements', "tag:no = '1'"];
  const berth = runModule(t, BERTH, local(...words, '--enqueue-request', '--wait', '--debug'), { env: CLEAN });
  await berth.says(/describeSessions: 200/);
  process.kill(-Number(berth.child.pid), 'SIGINT');
  t.equal(await berth.ended, 130);
});

t.test('the broker, its certificate and the client can be named before or behind the command, by variables and in the file', async (t) => {
  const { url, caFile, clientId, clientPassword } = broker.connection;
  const env = { DCV_SM_CLIENT_ID: clientId, DCV_SM_CLIENT_PASSWORD: clientPassword };
  const endpoint = `${url}/oauth2/token?grant_type=client_credentials`;
  const before = await run(t, ['--broker-url', url, '--ca-bundle', caFile, 'describe-servers', '--auth-server-url', endpoint], { env });
  t.match(before, { code: 0, json: { Servers: [{}] } });
  const unverified = await run(t, ['describe-servers', '--broker-url', `${url}/`, '--no-verify-ssl', '--debug'], {
    env: { ...env, DCV_SM_AUTH_SERVER_URL: `${url}/oauth2/token` },
  });
  t.match(unverified, { code: 0, stderr: new RegExp(`POST ${url}/oauth2/token: 200, .*\nPOST ${url}/describeServers: 200`) });
  t.notMatch(unverified.stderr, clientPassword);
  const conf = join(t.testdirName, 'dcvsmcli.conf');
  const text = `[broker]\nurl = "${url}"\n[authentication]\nauth-server-url = ${endpoint}\nclient-id = ${clientId}\nclient-password = ${clientPassword}\n[security]\nca-bundle = ${caFile}\n[output]\noutput-format = json\n`;
  writeFileSync(conf, text);
  t.match(await run(t, ['describe-servers']), { code: 0, json: { Servers: [{}] } }, 'the usual place');
  t.match(await run(t, ['describe-servers', '--conf', conf], { env: { XDG_CONFIG_HOME: '/nowhere' } }), { code: 0 });
  const basic = Buffer.from(`${clientId}:${clientPassword}`).toString('base64');
  const curl = ['-sS', '--cacert', caFile, '-X', 'POST', '-H', `Authorization: Basic ${basic}`, endpoint];
  const { access_token } = JSON.parse((await promisify(execFile)('curl', curl)).stdout);
  const flags = ['describe-servers', '--broker-url', url, '--ca-bundle', caFile];
  t.match(await run(t, flags, { env: { DCV_SM_OAUTH2_TOKEN: access_token, XDG_CONFIG_HOME: '/nowhere' } }), { code: 0 });
});

t.test('what is wrong with the command line is 252, with the configuration 253', async (t) => {
  const cases: readonly (readonly [number, RegExp, ...string[]])[] = [
    [252, /required option '--name <text>' not specified/, 'create-session'],
    [252, /must be Console or Virtual/, 'create-session', '--type', 'Both'],
    [252, /must be a whole number from 1 to 1000/, 'describe-servers', '--max-results', '0'],
    [252, /must be true or false/, 'close-servers', '--server-ids', 'a', '--force', 'maybe'],
    [252, /'--permission-file <file>' not specified/, ...local('update-session-permissions', '--session-id', 'a', '--owner', 'b')],
    [
      252,
      /--permission-file: \/nowhere cannot be read/,
      ...local('update-session-permissions', '--session-id', 'a', '--owner', 'b', '--permission-file', '/nowhere'),
    ],
    [252, /--broker-url or --data-dir, not both/, ...local('describe-servers', '--broker-url', 'https://a')],
    [252, /--broker-url must be an address/, 'describe-servers', '--broker-url', 'broker:8443'],
    [252, /unknown command 'describe-session'\n\(Did you mean describe-sessions\?\)/, 'describe-session'],
    [252, /--debug is not an option of broker/, '--debug', 'broker'],
    [252, /--data-dir must stand behind broker/, '--data-dir', 'x', 'broker'],
    [253, /No broker is named.*--broker-url.*dcvsmcli.conf/, 'describe-servers'],
    [253, /There is no \/nowhere\/connection.json/, 'describe-servers', '--data-dir', '/nowhere'],
    [253, /\/nowhere cannot be read/, 'describe-servers', '--conf', '/nowhere'],
    [253, /No client-id is given. Set DCV_SM_CLIENT_ID/, 'describe-servers', '--broker-url', 'https://127.0.0.1:1'],
  ];
  const answers = await Promise.all(cases.map(async ([code, sentence, ...words]) => ({ code, sentence, answer: await run(t, words) })));
  for (const { code, sentence, answer } of answers) t.match(answer, { code, stdout: '', stderr: sentence });
});

t.test('credentials that are not taken are an error of the service, a broker that cannot be reached is none', async (t) => {
  const { url, caFile } = broker.connection;
  const wrong = await run(t, local('describe-servers'), { env: { DCV_SM_CLIENT_ID: 'x', DCV_SM_CLIENT_PASSWORD: 'y' } });
  t.match(wrong, { code: 0 }, 'the folder of a broker says who its client is');
  const named = ['describe-servers', '--broker-url', url];
  const env = { DCV_SM_CLIENT_ID: 'x', DCV_SM_CLIENT_PASSWORD: 'y' };
  const strange = await run(t, [...named, '--ca-bundle', caFile], { env });
  t.match(strange, { code: 254, stderr: /does not take these credentials \(401: The client is unknown/ });
  const bad = await run(t, [...named, '--ca-bundle', caFile], { env: { DCV_SM_OAUTH2_TOKEN: 'x' } });
  t.match(bad, { code: 254, stderr: /does not take the token \(401: The token is not valid\). Get a new one into DCV_SM_OAUTH2_TOKEN/ });
  t.match(await run(t, named, { env }), { code: 255, stderr: /not signed by anyone trusted here.*--ca-bundle.*--no-verify-ssl/ });
  const nobody = await run(t, ['describe-servers', '--broker-url', 'https://127.0.0.1:1'], { env });
  t.match(nobody, { code: 255, stderr: /Nothing listens at https:\/\/127.0.0.1:1 \(connection refused\).*--auth-server-url/ });
});

t.test('a reader that goes away is nothing wrong', async (t) => {
  const command = `"$0" "${BERTH}" describe-servers --data-dir "${broker.dataDir}" | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command, process.execPath]);
  t.same([stdout, stderr], ['0\n', '']);
});

t.test('a broker that is away for a moment is waited for', async (t) => {
  const words = ['create-session', '--name', 'x', '--owner', 'eve', '--type', 'Virtual', '--requirements', "tag:no = '1'"];
  const berth = runModule(t, BERTH, local(...words, '--enqueue-request', '--wait', '--debug'), { env: CLEAN });
  await berth.says(/describeSessions: 200/);
  await broker.kill();
  await berth.says(/connection refused/);
  broker.spawn();
  await broker.ready();
  const [session] = await broker.client.describeSessions({ Filters: [{ Key: 'owner', Value: 'eve' }] });
  await broker.client.deleteSessions([{ SessionId: String(session?.Id), Owner: 'eve' }]);
  await until('the end of waiting', () => berth.stdout() !== '');
  t.equal(await berth.ended, 1);
});

/** A file of the original, as it is in production, in the hands of a real process. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { issueServer } from '../../../adapters/certificate-issuer.ts';
import { connectionOf, FREE_PORTS, runBerth } from '../../helpers/berth-process.ts';
import { newAuthority } from '../../helpers/certificates.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

/** In the manner of research portals on AWS: tokens of an authorization server elsewhere, state in DynamoDB, brokers behind a load balancer. */
const PRODUCTION = `# session-manager-broker
broker-java-home =
session-screenshot-max-width = 800
session-screenshot-max-height = 600
session-screenshot-format = png
create-sessions-queue-max-size = 1000
create-sessions-queue-max-time-seconds = 1800
session-manager-working-path = /var/lib/dcvsmbroker
enable-authorization-server = false
enable-authorization = true
enable-agent-authorization = false
delete-session-duration-hours = 1
connect-session-token-duration-minutes = 60
client-to-broker-connector-https-port = 8446
client-to-broker-connector-bind-host = 0.0.0.0
# client-to-broker-connector-key-store-file =
# client-to-broker-connector-key-store-pass =
agent-to-broker-connector-https-port = 8445
agent-to-broker-connector-bind-host = 0.0.0.0
enable-gateway = true
gateway-to-broker-connector-https-port = 8447
gateway-to-broker-connector-bind-host = 0.0.0.0
broker-to-broker-port = 47100
cli-to-broker-port = 47200
broker-to-broker-bind-host = 0.0.0.0
broker-to-broker-discovery-port = 47500
broker-to-broker-discovery-aws-region = eu-west-1
broker-to-broker-discovery-aws-alb-target-group-arn = arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/broker/6d0ecf831eec9f09
broker-to-broker-distributed-memory-max-size-mb = 4096
broker-to-broker-connection-login = dcvsm-user
broker-to-broker-connection-pass = swordfish
enable-cloud-watch-metrics = true
cloud-watch-region = eu-west-1
metrics-fleet-name-dimension = portal
max-api-requests-per-second = 1000
enable-throttling-forwarded-for-header = false
create-sessions-number-of-retries-on-failure = 2
autorun-file-arguments-max-size = 50
autorun-file-arguments-max-argument-length = 150
enable-persistence = true
persistence-db = dynamodb
dynamodb-region = eu-west-1
dynamodb-table-rcu = 10
dynamodb-table-wcu = 101
dynamodb-table-name-prefix = portal.vdc.dcv-broker.
seconds-before-deleting-unreachable-dcv-server = 900
seconds-before-deleting-sessions-unreachable-server = 900
`;

const PORTS = [...FREE_PORTS, '--gateway-port', '0'];

async function fileIn(folder: string, text: string): Promise<string> {
  const file = join(folder, 'session-manager-broker.properties');
  await writeFile(file, text);
  return file;
}

/** Status and body of a request to the API. */
async function ask(t: Test, dataDir: string, path: string, init: Parameters<typeof fetch>[1] = {}) {
  const { url, caFile } = await connectionOf(dataDir);
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } });
  t.teardown(() => dispatcher.close());
  const answer = await fetch(`${url}${path}`, { ...init, dispatcher });
  return { status: answer.status, text: await answer.text() };
}

t.test('a file of a production broker starts Berth with a fleet, unchanged', async (t) => {
  const folder = temporaryFolder(t);
  const file = await fileIn(folder, PRODUCTION);
  const dataDir = join(folder, 'data');
  const berth = runBerth(t, 'start', '--servers', '1', '--config', file, '--data-dir', dataDir, ...PORTS);
  await berth.says('Ctrl-C stops everything');
  t.match(berth.stdout(), 'tokens of an authorization server of yours');

  t.match(await ask(t, dataDir, '/health'), { status: 200 });
  t.match(await ask(t, dataDir, '/dcv-session-manager-api.yaml'), { status: 200 });
  t.match(await ask(t, dataDir, '/describeSessions', { method: 'POST' }), { status: 401 });
  t.match(await ask(t, dataDir, '/oauth2/token', { method: 'POST' }), { status: 404, text: /gives out no tokens/ });

  const lines = berth.stderr().trim().split('\n');
  t.equal(lines.length, 1, 'one line about all that has no effect');
  const { msg, settings } = JSON.parse(String(lines[0]));
  t.equal(msg, 'These settings of the original have no effect here.');
  t.match(Object.values(settings).flat(), ['session-manager-working-path', 'broker-to-broker-discovery-aws-region']);
  t.notMatch(berth.stderr() + berth.stdout(), 'swordfish');
});

t.test('agents join without credentials and the API takes requests without a token where neither is asked for', async (t) => {
  const folder = temporaryFolder(t);
  const file = await fileIn(folder, 'enable-authorization = false\nenable-agent-authorization = false\nenable-api-yaml = false\n');
  const dataDir = join(folder, 'data');
  const berth = runBerth(t, 'start', '--servers', '1', '--config', file, '--data-dir', dataDir, '--host', '127.0.0.1', ...PORTS);
  await berth.says('Ctrl-C stops everything');
  t.match(berth.stdout(), /linux-1 .* AVAILABLE\n/);
  t.notMatch(berth.stdout(), 'TOKEN=');
  t.match(await ask(t, dataDir, '/dcv-session-manager-api.yaml'), { status: 404 });
  for (const authorization of [undefined, 'Bearer nonsense']) {
    const headers = authorization === undefined ? {} : { authorization };
    const { status, text } = await ask(t, dataDir, '/describeServers', { method: 'POST', headers });
    t.equal(status, 200);
    t.match(JSON.parse(text).Servers, [{ Hostname: 'linux-1' }]);
  }
});

t.test('a file is checked with all its mistakes, and shown with where each value comes from', async (t) => {
  const folder = temporaryFolder(t);
  const file = await fileIn(folder, `${PRODUCTION}client-to-broker-connector-key-store-pass = swordfish\n`);
  const good = runBerth(t, 'config', 'check', file, '--no-json');
  t.equal(await good.ended, 0);
  t.match(good.stdout(), `${file} is in order.\n`);
  t.match(good.stdout(), 'Note: Without effect: session-manager-working-path. Everything is kept in the data folder');

  const show = runBerth(t, 'config', 'show', '--config', file, '--client-port', '9443');
  t.equal(await show.ended, 0);
  const rows = show
    .stdout()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const row = (name: string) => rows.find((each) => each.name === name);
  t.same(row('client-to-broker-connector-https-port'), {
    name: 'client-to-broker-connector-https-port',
    value: '9443',
    source: '--client-port',
  });
  t.match(row('session-screenshot-max-width'), { value: '800', source: `${file}:3` });
  t.match(row('delete-session-duration-seconds'), { value: '3600', source: `${file}:12` });
  t.match(row('berth.placement-policy'), { value: 'least-loaded', source: 'default' });
  t.match(row('client-to-broker-connector-key-store-pass'), { value: '***' });
  t.notMatch(show.stdout() + good.stdout(), 'swordfish');

  await writeFile(
    file,
    'session-screenshot-formt = png\ncreate-sessions-queue-max-size = many\nenable-gateway = true\nenable-gateway = true\n',
  );
  const bad = runBerth(t, 'config', 'check', file);
  t.equal(await bad.ended, 1);
  t.match(
    bad
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { level: 'error', message: `${file}:1: session-screenshot-formt is not a setting; did you mean session-screenshot-format?` },
      { level: 'error', message: `${file}:2: create-sessions-queue-max-size must be a whole number from 0 to 1000000, not "many".` },
      { level: 'warning', message: `${file}:3: enable-gateway is set 2 times; what line 4 says counts.` },
    ],
  );
  const table = runBerth(t, 'config', 'show', '--no-json');
  t.equal(await table.ended, 0);
  t.match(table.stdout(), /^berth\.bind-host +127\.0\.0\.1 +default$/m);
});

t.test('a broker and its fleet run on the certificate of the operator, and say what is wrong with it', async (t) => {
  const folder = temporaryFolder(t);
  const authority = await newAuthority();
  const now = Date.now();
  const pair = await issueServer(authority, { dnsNames: ['localhost'], ipAddresses: [] }, { from: now, until: now + 86_400_000 });
  const store = join(folder, 'broker.jks');
  await writeFile(store, authority.cert + pair.cert + pair.key);
  const file = await fileIn(folder, ['client', 'agent'].map((kind) => `${kind}-to-broker-connector-key-store-file = ${store}\n`).join(''));
  const dataDir = join(folder, 'data');
  const berth = runBerth(t, 'start', '--servers', '1', '--config', file, '--data-dir', dataDir, ...PORTS);
  await berth.says('Ctrl-C stops everything');
  t.match(berth.stdout(), /linux-1 .* AVAILABLE\n/, 'the agent trusts it, and so does who asks');
  t.match(berth.stdout(), /API +https:\/\/localhost:/, 'the certificate has no address');
  t.match(berth.stderr(), 'The certificate for clients expires soon');

  await writeFile(store, 'not a key store');
  const check = runBerth(t, 'config', 'check', file, '--no-json');
  t.equal(await check.ended, 1);
  t.match(check.stdout(), `${file}:1: client-to-broker-connector-key-store-file: ${store} is neither PEM nor PKCS#12.\n`);
  const refused = runBerth(t, 'broker', '--config', file, '--data-dir', join(folder, 'other'), ...PORTS);
  t.equal(await refused.ended, 1);
  t.match(refused.stderr(), /^[^\n]*agent-to-broker-connector-key-store-file: [^\n]* is neither PEM nor PKCS#12\.\n$/);
});

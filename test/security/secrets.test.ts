/**
 * A day's work of a broker, agents and clients whose every secret is known, at the most talkative level and with everything going wrong that can; then all that they
 * left behind is searched: what they said, every file, the audit, the metrics, and what other users see of their processes.
 */
import { createHash, createPrivateKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import t, { type Test } from 'tap';
import { issueServer } from '../../adapters/certificate-issuer.ts';
import { readClusterKey } from '../../adapters/secrets/cluster-key.ts';
import { BERTH, runModule } from '../helpers/berth-process.ts';
import { newAuthority } from '../helpers/certificates.ts';
import { pause } from '../helpers/until.ts';
import { type Ground, prepareGround } from './ground.ts';
import { processTree, type Seen } from './processes.ts';

const KEY_STORE_PASSWORD = 'correct-horse-battery-staple';

/** By name; each is searched for in every form that a program might give it. */
type Secrets = Readonly<Record<string, string>>;

/** Where private things are kept on purpose: for nobody else's eyes. */
const KEPT: readonly RegExp[] = [
  /^data\/connection\.json$/,
  /^data\/software-statement\.txt$/,
  /^data\/secrets\/(?:cluster\.key|signing-keys\.json)$/,
  /^data\/tls\/server\.key$/,
  /^host-\d\/state\/credentials\.json$/,
];

t.test('no secret is left where it does not belong', { timeout: 300_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const env = {
    BERTH_GATEWAY_TO_BROKER_CONNECTOR_KEY_STORE_FILE: await writeKeyStore(folder),
    BERTH_GATEWAY_TO_BROKER_CONNECTOR_KEY_STORE_PASS: KEY_STORE_PASSWORD,
    BERTH_METRICS: 'open',
  };
  const ground = await prepareGround(t, {
    bare: true,
    env,
    flags: ['--log-level', 'debug'],
    agents: 2,
    agentFlags: ['--log-level', 'debug'],
  });
  const { broker, agents } = ground;
  const home = join(broker.dataDir, '..');

  const watched: Seen[] = [];
  const watching = setInterval(async () => watched.push(...(await processTree(Number(broker.process.child.pid)))), 50);
  t.teardown(() => clearInterval(watching));
  const { told, secrets } = await work(ground);
  for (const agent of agents) watched.push(...(await processTree(Number(agent.child.pid))));
  clearInterval(watching);

  await searchFiles(t, home, secrets, 'while it runs');
  await broker.kill();
  await searchFiles(t, home, secrets, 'after a crash');
  for (const agent of agents) agent.child.kill('SIGTERM');
  await Promise.all(agents.map(({ ended }) => ended));
  await searchFiles(t, home, secrets, 'at the end');

  t.same(found(told.join('\n'), secrets), [], 'in answers');
  t.same(found(`${broker.process.stdout()}${broker.process.stderr()}`, secrets), [], 'in what the broker says');
  for (const agent of agents) t.same(found(`${agent.stdout()}${agent.stderr()}`, secrets), [], 'in what an agent says');
  t.ok(
    agents.every((agent) => agent.stderr().includes('"level":"debug"')) || agents.some((agent) => agent.stderr() !== ''),
    'agents do say something',
  );
  const show = runModule(t, BERTH, ['config', 'show', '--json'], { bare: true, env });
  t.equal(await show.ended, 0);
  t.match(show.stdout(), /KEY_STORE_PASS|\*\*\*/);
  t.same(found(show.stdout(), secrets), [], 'in what is shown of the configuration');

  const pid = Number(broker.process.child.pid);
  const own = watched.find((process) => process.pid === pid)?.commandLine;
  // A child that is not its own program yet is the broker still, in all that can be seen of it.
  const children = watched.filter(({ parent, commandLine }) => parent === pid && commandLine !== own);
  t.ok(children.length > 0, 'processes that the broker starts were seen');
  for (const { commandLine } of watched) if (found(commandLine, secrets).length > 0) t.fail(`a secret in ${commandLine.slice(0, 100)}`);
  const inherited = children.flatMap(({ environment }) => found(environment, secrets));
  t.same([...new Set(inherited)], [], 'in the environment of the processes that the broker starts');
});

/** Encrypted PEM. */
async function writeKeyStore(folder: string): Promise<string> {
  const now = Date.now();
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const { key, cert } = await issueServer(await newAuthority(), names, { from: now, until: now + 86_400_000 });
  const sealed = createPrivateKey(key).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: KEY_STORE_PASSWORD });
  const file = join(folder, 'gateway.pem');
  await writeFile(file, `${sealed}${cert}`, { mode: 0o600 });
  return file;
}

/** What a client, an operator and those who mean harm do in a day. Gives every answer that has no secret by right, and every secret that there is then. */
async function work(ground: Ground): Promise<{ readonly told: readonly string[]; readonly secrets: Secrets }> {
  const { broker, post, agentClient, keys } = ground;
  const { clientId, clientPassword, softwareStatementFile } = broker.connection;
  const statement = (await readFile(softwareStatementFile, 'utf8')).trim();
  const told: string[] = [];
  const say = async (...asked: Parameters<Ground['post']>) => {
    const answer = await post(...asked);
    told.push(JSON.stringify(answer));
    return answer;
  };
  const basic = (id: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` });
  const grant = '/oauth2/token?grant_type=client_credentials';
  const token = tokenIn(await post('client', grant, '', basic(clientId, clientPassword)));
  const agentToken = tokenIn(await post('agent', grant, '', basic(agentClient.id, agentClient.secret)));
  const bearer = { authorization: `Bearer ${token}` };

  const created = await broker.client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  told.push(JSON.stringify(created));
  const id = String(created.SuccessfulList?.[0]?.Id);
  while ((await broker.client.describeSessions({ SessionIds: [id] }))[0]?.State !== 'READY') await pause(50);
  const entry = (await broker.client.call('GET', `/sessionConnectionData/${id}/ann`)) as { ConnectionToken: string };
  const connectionToken = entry.ConnectionToken;
  const ask = (session: string, shown: string) =>
    say(
      'agent',
      '/agent/validate-authentication-token',
      new URLSearchParams({ sessionId: session, authenticationToken: shown }).toString(),
      { 'content-type': 'application/x-www-form-urlencoded' },
    );
  await ask(id, connectionToken);
  await ask('other', connectionToken);
  await ask(id, token);
  await ask('<bad>', connectionToken);
  await say('client', '/createSessions', '[{"Name":"again","Owner":"ann","Type":"VIRTUAL"}]', { ...bearer, 'idempotency-key': 'once' });
  await say('client', '/createSessions', '[{"Name":"again","Owner":"ann","Type":"VIRTUAL"}]', { ...bearer, 'idempotency-key': 'once' });
  await say('client', '/getSessionScreenshots', JSON.stringify([{ SessionId: id }]), bearer);
  await say('client', '/describeSessions', JSON.stringify({ AsOf: new Date().toISOString() }), bearer);

  // Secrets where they do not belong.
  await say('client', grant, '', basic(clientPassword, clientId));
  await say('client', grant, '', basic(clientId, `${clientPassword}x`));
  await say('client', '/oauth2/token', `grant_type=password&client_id=${clientId}&client_secret=${encodeURIComponent(clientPassword)}`);
  await say('client', `${grant}&client_secret=${encodeURIComponent(clientPassword)}`, '', {});
  await say('client', `/describeSessions?access_token=${token}`, '{}', {});
  await say('client', `/${token}`, '{}', bearer);
  await say('client', '/describeSessions', `{"${token}":1}`, bearer).then(() => told.pop());
  await say('client', '/describeSessions', '{}', { authorization: `Bearer ${token}, ${token}` });
  await say('client', '/describeSessions', '{}', { authorization: `Bearer ${agentToken}` });
  await say('client', '/describeSessions', '{}', { authorization: `Bearer ${connectionToken}` });
  await say('client', '/describeSessions', 'x'.repeat(1_100_000), bearer);
  await say('client', '/describeSessions', '{', { ...bearer, 'idempotency-key': 'é', 'berth-position': token });
  await say('agent', '/agent/register', JSON.stringify({ client_name: '', software_statement: statement }));
  await say('agent', '/agent/register', JSON.stringify({ client_name: 'x', software_statement: `${statement}x` }));
  await say('agent', '/agent/register', `{"software_statement":"${statement}"`);
  await say('agent', grant, '', basic(agentClient.id, 'wrong'));
  await say('agent', '/agent/connect', '{"serverId":1}', { authorization: `Bearer ${agentToken}` });
  await say('agent', '/agent/reports', '{}', bearer);
  await say('agent', '/brokers/holds', '{}', bearer);
  await say('gateway', `/resolveSession?sessionId=${id}&transport=HTTP&token=${token}`, '').catch(() => undefined);
  told.push(JSON.stringify(await broker.client.call('GET', '/audit?MaxResults=1000')));
  told.push(JSON.stringify(await broker.client.sessionHistory(id)));
  told.push(await metricsOf(ground));
  await broker.client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);

  const clusterKey = await readClusterKey(join(broker.dataDir, 'secrets', 'cluster.key'));
  const agentSecrets = await Promise.all(
    [1, 2].map((number) => readFile(join(broker.dataDir, '..', `host-${number}`, 'state', 'credentials.json'), 'utf8')),
  );
  const tls = await readFile(join(broker.dataDir, 'tls', 'server.key'), 'utf8');
  return {
    told,
    secrets: {
      'the password of a client': clientPassword,
      'the software statement': statement,
      'the secret of an agent': agentClient.secret,
      ...Object.fromEntries(
        agentSecrets.map((text, index) => [`the secret of agent ${index + 1}`, (JSON.parse(text) as { secret: string }).secret]),
      ),
      'a token of a client': token,
      'a token of an agent': agentToken,
      'a connection token': connectionToken,
      'the password of the key store': KEY_STORE_PASSWORD,
      'the cluster key': (await readFile(join(broker.dataDir, 'secrets', 'cluster.key'), 'utf8')).trim(),
      'the key of page tokens': clusterKey?.derive('page tokens').toString('base64') ?? '',
      'the seed of checkpoints': clusterKey?.derive('checkpoints').toString('base64') ?? '',
      'the private key of TLS': tls.split('\n').slice(1, 3).join('').slice(20, 80),
      'the private signing key': String(keys.current.privateKey.export({ format: 'jwk' }).d),
    },
  };
}

const tokenIn = ({ body }: { readonly body: string }): string => (JSON.parse(body) as { access_token: string }).access_token;

async function metricsOf({ doors, broker }: Ground): Promise<string> {
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({ connect: { ca: doors.client.ca } });
  try {
    return await (await fetch(`${broker.connection.url}/metrics`, { dispatcher })).text();
  } finally {
    await dispatcher.close();
  }
}

/** The names of the secrets that stand in a text, in any of the forms that programs give to bytes. */
function found(text: string, secrets: Secrets): readonly string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => (formsOf(secret).some((form) => text.includes(form)) ? [name] : []));
}

const forms = new Map<string, readonly string[]>();

/** A part of a token is as good as nothing, but its signature is what makes it one. */
function formsOf(secret: string): readonly string[] {
  const known = forms.get(secret);
  if (known !== undefined) return known;
  const bytes = Buffer.from(secret);
  const inBase64 = Buffer.from(secret, 'base64');
  const signature = secret.split('.')[2];
  // Where it begins in what is encoded together with something before it is not known: each of three places gives another text.
  const shifted = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(4, -4),
  );
  const all = [
    secret,
    ...(signature === undefined ? [] : [signature]),
    encodeURIComponent(secret),
    bytes.toString('hex'),
    inBase64.toString('hex'),
    inBase64.toString('base64url'),
    ...shifted,
  ];
  const long = [...new Set(all)].filter((form) => form.length >= 16);
  forms.set(secret, long);
  return long;
}

async function searchFiles(t: Test, home: string, secrets: Secrets, when: string): Promise<void> {
  const files = (await readdir(home, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  let searched = 0;
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const way = relative(home, path);
    const content = await readFile(path, 'latin1').catch(() => '');
    const names = found(content, secrets);
    searched += content.length;
    if (KEPT.some((kept) => kept.test(way))) t.equal((await stat(path)).mode & 0o777, 0o600, `${way} is for its owner alone`);
    else t.same(names, [], `in ${way} ${when}`);
  }
  t.ok(searched > 100_000, `${searched} bytes were searched ${when}`);
}

t.test('what is searched for would be found', async (t) => {
  const secret = createHash('sha256').update('x').digest('base64');
  const bytes = Buffer.from(secret, 'base64');
  for (const [form, text] of Object.entries({
    'as it is': `password=${secret}`,
    'in a header': `Basic ${Buffer.from(`an-id:${secret}`).toString('base64')}`,
    'in an address': `?p=${encodeURIComponent(secret)}`,
    'in hexadecimal': bytes.toString('hex'),
    'as base64url': bytes.toString('base64url'),
  })) {
    t.same(found(text, { secret }), ['secret'], form);
  }
  t.same(found('password=***', { secret }), []);
});

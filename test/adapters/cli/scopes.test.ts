/** Clients that may do less than everything, from the command that registers them to their calls, with a broker that runs by itself. */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { newKey, startAuthServer } from '../../helpers/auth-server.ts';
import { BERTH, runModule } from '../../helpers/berth-process.ts';
import { type RealBroker, startAgent, startBroker, writeServer } from '../../helpers/real-broker.ts';
import { until } from '../../helpers/until.ts';

/** Without what measures coverage: there are many of them. */
async function run(t: Test, words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const berth = runModule(t, BERTH, words, { bare: true, env });
  const code = await berth.ended;
  return { code, stdout: berth.stdout(), stderr: berth.stderr() };
}

interface Credentials {
  readonly id: string;
  readonly password: string;
}

async function registered(t: Test, { dataDir }: RealBroker, name: string, ...flags: readonly string[]): Promise<Credentials> {
  const { stdout, stderr } = await run(t, ['register-api-client', '--client-name', name, '--data-dir', dataDir, ...flags]);
  t.equal(stderr, '');
  const [, id = '', password = ''] = /^client-id: ([0-9a-f-]{36})\nclient-password: (\S+)\n$/.exec(stdout) ?? [];
  t.not(id, '', stdout);
  return { id, password };
}

/** A command of the client in the name of another than that of the data folder. */
function as(t: Test, { connection: { url, caFile } }: RealBroker, { id, password }: Credentials) {
  const env = { DCV_SM_CLIENT_ID: id, DCV_SM_CLIENT_PASSWORD: password, XDG_CONFIG_HOME: '/nowhere' };
  return (...words: readonly string[]) => run(t, [...words, '--broker-url', url, '--ca-bundle', caFile, '--output-format', 'json'], env);
}

async function listed(t: Test, { dataDir }: RealBroker): Promise<readonly object[]> {
  const { stdout } = await run(t, ['describe-api-clients', '--data-dir', dataDir]);
  return JSON.parse(stdout.slice('Api clients\n'.length));
}

/** Over HTTP, for what no command asks. */
async function reach(t: Test, { connection: { url, caFile } }: RealBroker) {
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile, 'utf8') } });
  t.teardown(() => dispatcher.close());
  const tokenOf = async ({ id, password }: Credentials, scope = '') => {
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: password, ...(scope && { scope }) };
    const answer = await fetch(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form), dispatcher });
    return (await answer.json()) as { readonly access_token: string; readonly scope?: string; readonly error?: string };
  };
  const status = async (
    path: string,
    token: string,
    init: { readonly method?: string; readonly headers?: Record<string, string> } = {},
  ) => {
    const answer = await fetch(`${url}${path}`, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` }, dispatcher });
    await answer.text();
    return answer.status;
  };
  return { tokenOf, status };
}

const SESSION = ['create-session', '--name', 'desk', '--type', 'VIRTUAL', '--owner'];

t.test('what a client was registered for holds at once, over a crash, and until it is registered anew', async (t) => {
  const broker = await startBroker(t);
  startAgent(t, await writeServer(broker, { hostname: 'one' }));
  const everything = await registered(t, broker, 'portal');
  const reader = await registered(t, broker, 'reader', '--scope', 'audit:read', '--scope', 'sessions:read', 'sessions:read');
  const ann = await registered(t, broker, 'ann', '--owner', 'ann');
  const clients = [
    { name: 'ann', id: ann.id, active: true, owner: 'ann' },
    { name: 'portal', id: everything.id, active: true },
    { name: 'reader', id: reader.id, active: true, scopes: ['sessions:read', 'audit:read'] },
  ];
  const others = async () => (await listed(t, broker)).filter((client) => !('name' in client && client.name === 'default'));
  t.strictSame(await others(), clients);
  await until('a server', async () => (await broker.client.describeServers()).length > 0);
  const made = await as(t, broker, everything)(...SESSION, 'bob');
  t.match(made, { code: 0, stderr: '' });
  const bobs = JSON.parse(made.stdout).SuccessfulList[0].Id;
  const advice = 'Use another client, or have one registered that may, on the machine of the broker: berth register-api-client.\n';
  t.same(await as(t, broker, reader)(...SESSION, 'bob'), {
    code: 254,
    stdout: '',
    stderr: `This client may not do that (403: This needs the scope sessions:write, and the token has only sessions:read, audit:read). ${advice}`,
  });
  t.match(await as(t, broker, ann)('describe-servers'), { code: 254, stderr: /403: This client is there for the sessions of one owner/ });
  t.match(await as(t, broker, ann)('delete-session', '--session-id', bobs, '--owner', 'ann'), {
    code: 254,
    stderr: `The session ${bobs} was not deleted: The requested dcvSession does not exist\n`,
  });
  t.match(await as(t, broker, ann)(...SESSION, 'bob'), {
    code: 254,
    stderr: "The session was not created: Owner: this client is there for the sessions of 'ann' only.\n",
  });
  await broker.kill();
  broker.spawn();
  await broker.ready();
  t.strictSame(await others(), clients);
  t.match(JSON.parse((await as(t, broker, ann)('describe-sessions')).stdout), { Sessions: [] });
  const { tokenOf, status } = await reach(t, broker);
  const { access_token: token } = await tokenOf(reader);
  t.equal(await status('/describeSessions', token, { method: 'POST' }), 200);
  t.equal(await status('/createSessions', token, { method: 'POST' }), 403);
  t.equal(await status('/audit', token), 200);
  await run(t, ['unregister-api-client', '--client-id', reader.id, '--data-dir', broker.dataDir]);
  t.equal(await status('/audit', token), 401);
  const anew = await registered(t, broker, 'reader', '--scope', 'servers:write');
  t.equal(await status('/audit', token), 401, 'a token is of a client, not of its name');
  t.match(await tokenOf(anew), { scope: 'servers:write' });
});

t.test('what is recorded of a client says how far it may go, and holds no secret', async (t) => {
  const broker = await startBroker(t);
  const { password } = await registered(t, broker, 'reader', '--scope', 'sessions:read', '--owner', 'ann');
  const at = ['--data-dir', broker.dataDir];
  const { stdout } = await run(t, ['audit', '--type', 'api-client.registered', '--json', ...at]);
  t.match(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), { Data: { name: 'reader', scopes: ['sessions:read'], owner: 'ann' } });
  t.notMatch(stdout, /scrypt|Hash/);
  t.notOk(stdout.includes(password));
  const replayed = await run(t, ['replay', ...at]);
  t.equal(replayed.code, 0, replayed.stderr);
  t.notOk(`${replayed.stdout}${replayed.stderr}${broker.process.stdout()}${broker.process.stderr()}`.includes(password));
});

t.test('a client that cannot be is refused with the flag at fault, and none is made', async (t) => {
  const broker = await startBroker(t);
  const register = (...flags: readonly string[]) =>
    run(t, ['register-api-client', '--client-name', 'x', '--data-dir', broker.dataDir, ...flags]);
  const before = await listed(t, broker);
  const all = 'the scopes are sessions:read, sessions:write, servers:write, audit:read';
  for (const [flags, code, stderr] of [
    [['--scope', 'session:read'], 252, `argument 'session:read' is invalid. It is not known: ${all}; did you mean sessions:read?`],
    [['--scope', 'sessions:read', '*'], 252, `argument '*' is invalid. It is not known: ${all}\n`],
    [['--owner', '  '], 254, 'owner: must not be blank\n'],
    [
      ['--owner', 'ann', '--scope', 'audit:read'],
      254,
      'scopes: (--scope) must not have audit:read beside an owner (--owner), who has sessions only\n',
    ],
  ] as const) {
    const refused = await register(...flags);
    t.match([refused.code, refused.stdout, refused.stderr], [code, '', stderr], flags.join(' '));
  }
  t.same(await listed(t, broker), before);
  const named = await run(t, ['register-api-client', '--name', 'as elsewhere', '--data-dir', broker.dataDir]);
  t.match(named, { code: 0, stdout: /^client-id: / });
});

t.test('figures about the fleet are for clients of the fleet', async (t) => {
  const broker = await startBroker(t);
  const { tokenOf, status } = await reach(t, broker);
  const scrape = async (client: Credentials) => {
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    return status('/metrics', (await tokenOf(client)).access_token, { headers });
  };
  t.equal(await scrape(await registered(t, broker, 'monitor', '--scope', 'servers:write')), 200);
  t.equal(await scrape(await registered(t, broker, 'ann', '--owner', 'ann')), 403);
});

t.test('scopes of tokens from elsewhere count where the operator says so, and only there', async (t) => {
  const server = await startAuthServer(t);
  const key = await newKey('one', 'RS256');
  server.publish(key.jwk);
  const broker = await startBroker(t, { env: { BERTH_EXTERNAL_SCOPES: 'enforced' } });
  t.match(await run(t, ['register-auth-server', '--url', server.url, '--data-dir', broker.dataDir]), { code: 0 });
  const { status } = await reach(t, broker);
  const ask = async (claims: Readonly<Record<string, unknown>>) => {
    const token = await server.sign(key, claims);
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    return [
      await status('/describeSessions', token, { method: 'POST' }),
      await status('/audit', token),
      await status('/metrics', token, { headers }),
    ];
  };
  t.same(await ask({}), [403, 403, 403]);
  t.same(await ask({ scope: 'sessions:read' }), [200, 403, 200]);
  t.same(await ask({ scope: 'dcv-session-manager/audit:read' }), [403, 200, 200]);
  const shown = await run(t, ['config', 'show'], { BERTH_EXTERNAL_SCOPES: 'enforced' });
  t.match(shown.stdout, /"berth\.external-scopes","value":"enforced"/);

  const other = await startBroker(t);
  t.match(await run(t, ['register-auth-server', '--url', server.url, '--data-dir', other.dataDir]), { code: 0 });
  const there = await reach(t, other);
  const token = await server.sign(key, { scope: 'sessions:read' });
  t.equal(await there.status('/audit', token), 200, 'the default is that of the original');
});

/** What a real broker says of itself to Prometheus. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { Agent, request } from 'undici';
import { readExposition } from '../../helpers/exposition.ts';
import { startAgent, startBroker, writeServer } from '../../helpers/real-broker.ts';
import { pause } from '../../helpers/until.ts';

t.test('figures follow what happens, and only programs on this machine and clients see them', async (t) => {
  const broker = await startBroker(t);
  const { url, caFile } = broker.connection;
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  t.teardown(() => dispatcher.close());
  const ask = (path: string, headers: Record<string, string> = {}) => request(`${url}${path}`, { dispatcher, headers });
  const scrape = async () => {
    const { statusCode, headers, body } = await ask('/metrics');
    t.equal(statusCode, 200);
    t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    return readExposition(await body.text());
  };
  const before = await scrape();
  t.equal(before.get('berth_servers'), 0);
  t.equal(before.get('berth_leading'), 1);
  t.equal(before.get('berth_placement_seconds_count'), 0);

  const agent = startAgent(t, await writeServer(broker, { hostname: 'one' }));
  for (let tries = 0; tries < 400 && (await scrape()).get('berth_servers_ready') !== 1; tries += 1) await pause(50);
  const item = { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' } as const;
  await broker.client.createSessions([item, { ...item, Requirements: "server:Host.Os.Family = 'windows'", EnqueueRequest: true } as never]);
  await broker.client.describeSessions();
  const after = await scrape();
  t.equal(after.get('berth_servers'), 1);
  t.equal(after.get('berth_agents_connected'), 1);
  t.equal(after.get('berth_sessions{type="virtual"}'), 1);
  t.equal(after.get('berth_sessions_waiting'), 1);
  t.equal(after.get('berth_placement_seconds_count'), 1);
  t.equal(after.get('berth_api_answers_total{operation="createSessions",status="200"}'), 1);
  t.equal(after.get('berth_api_request_seconds_count{operation="createSessions"}'), 1);
  t.ok(Number(after.get('berth_log_append_seconds_count{outcome="appended"}')) > 0);
  t.notMatch([...after.keys()].join(), /ann|desk/, 'no names of callers');

  const elsewhere = { 'x-forwarded-for': '192.0.2.1' };
  t.equal((await ask('/metrics', elsewhere)).statusCode, 401, 'a proxy speaks for somebody else');
  const { clientId, clientPassword } = broker.connection;
  const basic = `Basic ${Buffer.from(`${clientId}:${clientPassword}`).toString('base64')}`;
  const granted = await request(`${url}/oauth2/token?grant_type=client_credentials`, {
    dispatcher,
    method: 'POST',
    headers: { authorization: basic },
  });
  const { access_token: token } = (await granted.body.json()) as { access_token: string };
  t.equal((await ask('/metrics', { ...elsewhere, authorization: `Bearer ${token}` })).statusCode, 200, 'a client of the API may ask');
  const { statusCode, body } = await ask('/ready');
  t.same([statusCode, await body.json()], [200, { status: 'ready' }]);

  const state = async (name: string) => (await scrape()).get(`berth_sessions_in_state{state="${name}"}`);
  t.equal(await state('UNKNOWN'), 0);
  agent.child.kill('SIGKILL');
  for (let tries = 0; tries < 400 && (await state('UNKNOWN')) !== 1; tries += 1) await pause(50);
  t.equal(await state('UNKNOWN'), 1, 'what is on a server that cannot be reached');
  t.equal(await state('READY'), 0);
  t.equal((await scrape()).get('berth_servers_ready'), 0);
});

t.test('an operator may open the figures to everybody', async (t) => {
  const { connection } = await startBroker(t, { env: { BERTH_METRICS: 'open' } });
  const dispatcher = new Agent({ connect: { ca: await readFile(connection.caFile) } });
  t.teardown(() => dispatcher.close());
  const headers = { 'x-forwarded-for': '192.0.2.1' };
  t.equal((await request(`${connection.url}/metrics`, { dispatcher, headers })).statusCode, 200);
});

t.test('an operator may close the figures', async (t) => {
  const broker = await startBroker(t, { env: { BERTH_METRICS: 'off' } });
  await t.rejects(broker.client.call('GET', '/metrics'), /was answered with 404/);
});

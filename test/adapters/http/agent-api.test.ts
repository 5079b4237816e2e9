import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { serverId, sessionId } from '../../../domain/ids.ts';
import type { Order } from '../../../domain/ports/agent-link.ts';
import { LogBusyError } from '../../../domain/ports/event-log.ts';
import { STATEMENT, startTestBroker, type TestBroker } from '../../helpers/agent-broker.ts';
import { greeting, type RawAgent, rawAgent } from '../../helpers/raw-agent.ts';
import { pause, until } from '../../helpers/until.ts';

const SERVER = greeting().serverId;
const REPORT_ID = '33333333-3333-4333-8333-333333333333';

const permissionsOrder = (size: number): Order => ({
  kind: 'set-permissions',
  orderId: 'set-permissions:s:1',
  sessionId: sessionId('s'),
  localId: 's',
  permissionsFile: 'A'.repeat(size),
});

const pictureOrder = (name: string): Extract<Order, { kind: 'take-screenshot' }> => ({
  kind: 'take-screenshot',
  orderId: `take-screenshot:${name}`,
  sessionId: sessionId('s'),
  localId: 's',
  maxWidth: 160,
  maxHeight: 100,
  format: 'png',
});

/** A broker and a raw agent that is connected to it, with what the stream says. */
async function connected(
  broker: TestBroker,
  client?: string,
): Promise<{ agent: RawAgent; connectionId: string; stream: IncomingMessage; said: string[] }> {
  const agent = rawAgent(broker, client);
  const { connectionId } = await agent.greet();
  const stream = await agent.orders(connectionId);
  const said: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => said.push(text));
  await until('the stream is open', () => said.length > 0);
  return { agent, connectionId, stream, said };
}

t.test('an agent registers as RFC 7591 describes it', async (t) => {
  const broker = await startTestBroker();
  const agent = rawAgent(broker);
  const answer = await agent.post('/agent/register', { client_name: 'host-1', software_statement: STATEMENT, contacts: [] }, null);
  t.match(answer, {
    status: 201,
    headers: { 'cache-control': 'no-store' },
    body: { client_id: String, client_secret: String, client_secret_expires_at: 0, client_name: 'host-1', client_id_issued_at: Number },
  });
  const forged = await agent.post('/agent/register', { client_name: 'host-1', software_statement: 'forged' }, null);
  t.match(forged, { status: 400, body: { error: 'invalid_software_statement' } });
  const empty = await agent.post('/agent/register', {}, null);
  t.match(empty, { status: 400, body: { error: 'invalid_client_metadata', message: /^client_name: / } });
  t.match(await agent.post('/agent/register', 'x'.repeat(70_000), null), { status: 413, body: { error: 'too_large' } });
  agent.close();
  await broker.stop();
});

t.test('nothing but registration is open to strangers', async (t) => {
  const broker = await startTestBroker();
  const agent = rawAgent(broker);
  for (const path of ['/agent/connect', '/agent/reports', '/agent/screenshots']) {
    t.match(await agent.post(path, {}, null), { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: { error: 'invalid_token' } });
    t.match(await agent.post(path, {}, 'made-up'), { status: 401 });
  }
  broker.tokens.clear();
  t.equal((await agent.orders('x')).statusCode, 401);
  agent.close();
  await broker.stop();
});

t.test('what is no greeting, report or picture is refused with the member at fault', async (t) => {
  const broker = await startTestBroker();
  const { agent, connectionId } = await connected(broker);
  const refusedFor = async (path: string, body: unknown, message: RegExp | string): Promise<void> => {
    t.match(await agent.post(path, body), { status: 400, body: { error: 'invalid_request', message } }, String(message));
  };
  await refusedFor('/agent/connect', '{', 'The body is not JSON');
  await refusedFor('/agent/connect', Buffer.from([0xff]), 'The request body is not UTF-8.');
  await refusedFor('/agent/connect', '[]', /^body: /);
  await refusedFor('/agent/connect', greeting({ serverId: serverId('no spaces') }), /^serverId: /);
  await refusedFor('/agent/connect', { ...greeting(), extra: 1 }, /extra/);
  await refusedFor('/agent/reports', { connectionId }, /^reports: /);
  await refusedFor('/agent/reports', { connectionId, reports: [{ kind: 'session-ended' }] }, /^reports\.0\./);
  await refusedFor('/agent/screenshots', { connectionId, orderId: 'a b', reason: 'x' }, /./);
  const late = { reportId: REPORT_ID, time: Number.MAX_SAFE_INTEGER, kind: 'session-ended', sessionId: 's', reason: 'gone' };
  await refusedFor('/agent/reports', { connectionId, reports: [late] }, /^reports\.0\.time: /);
  t.match(await agent.post('/agent/reports', `"${'x'.repeat(1_100_000)}"`), { status: 413 });
  t.same(broker.heard.failures, []);
  agent.close();
  await broker.stop();
});

t.test('reports are acknowledged as the reception says, and an empty one is a heartbeat', async (t) => {
  const broker = await startTestBroker();
  const { agent, connectionId } = await connected(broker);
  const report = { reportId: REPORT_ID, time: 1, kind: 'session-ended', sessionId: 's', reason: 'gone' };
  t.match(await agent.post('/agent/reports', { connectionId, reports: [report] }), { status: 200, body: { acknowledged: [REPORT_ID] } });
  t.match(broker.heard.reports, [report]);
  const { telemetry } = greeting();
  t.match(await agent.post('/agent/reports', { connectionId, reports: [], telemetry }), { status: 200, body: { acknowledged: [] } });
  t.same(broker.heard.telemetry, [telemetry]);

  broker.behave(async () => {
    throw new LogBusyError('full');
  });
  t.match(await agent.post('/agent/reports', { connectionId, reports: [report] }), { status: 503, body: { error: 'busy' } });
  t.same(broker.heard.failures, []);
  const fault = new Error('a secret of ours');
  broker.behave(async () => {
    throw fault;
  });
  const answer = await agent.post('/agent/reports', { connectionId, reports: [report] });
  t.match(answer, { status: 500, body: { error: 'internal_error' } });
  t.notMatch(JSON.stringify(answer.body), /secret/);
  t.same(broker.heard.failures, [fault]);
  agent.close();
  await broker.stop();
});

t.test('a connection belongs to the client that made it, and a server to the client that first named it', async (t) => {
  const broker = await startTestBroker();
  const { agent, connectionId } = await connected(broker, 'client-1');
  const stranger = rawAgent(broker, 'client-2');
  t.match(await stranger.post('/agent/connect', greeting()), {
    status: 403,
    body: { error: 'rejected', message: 'This server id belongs to another agent' },
  });
  const reconnect = { status: 409, body: { error: 'reconnect' } };
  t.match(await stranger.post('/agent/reports', { connectionId, reports: [] }), reconnect);
  t.match(await stranger.post('/agent/screenshots', { connectionId, orderId: 'x', reason: 'no' }), reconnect);
  t.equal((await stranger.orders(connectionId)).statusCode, 409);
  t.equal((await stranger.orders()).statusCode, 409);
  t.match(await agent.post('/agent/reports', { connectionId: 'made-up', reports: [] }), reconnect);
  t.equal(broker.connections.count(), 1);
  agent.close();
  stranger.close();
  await broker.stop();
});

t.test('a newer connection of a server takes the place of the older', async (t) => {
  const broker = await startTestBroker();
  const { agent, connectionId, stream } = await connected(broker);
  const ended = new Promise((resolve) => stream.on('close', resolve));
  const newer = await agent.greet();
  await ended;
  t.match(await agent.post('/agent/reports', { connectionId, reports: [] }), { status: 409 });
  await agent.orders(newer.connectionId);
  t.same(newer, { connectionId: newer.connectionId, heartbeatMs: 100, silenceMs: 3000 });
  t.same(broker.heard.connected, [SERVER, SERVER]);
  t.same(broker.heard.lost, []);
  t.equal(broker.connections.count(), 1);
  agent.close();
  await broker.stop();
});

t.test('a stream carries orders and beats, and may be opened again within the grace', async (t) => {
  const broker = await startTestBroker({ settings: { graceMs: 1000, silenceMs: 20_000 } });
  const order = permissionsOrder(4);
  broker.outstanding.push(order);
  const { agent, connectionId, stream, said } = await connected(broker);
  await until('the order and two beats came', () => /data: .*\n\n(: beat\n\n){2}/.test(said.join('')));
  t.match(said.join(''), `event: order\nid: ${order.orderId}\ndata: ${JSON.stringify(order)}\n\n`);
  t.equal(stream.headers['content-type'], 'text/event-stream');
  stream.destroy();
  await until('the broker has noticed', () => !broker.connections.send(SERVER, order));
  const again = await agent.orders(connectionId);
  await until('outstanding orders were asked for again', () => broker.heard.connected.length === 2);
  await agent.orders(connectionId);
  await new Promise((resolve) => again.on('close', resolve).resume());
  await pause(1500);
  t.same(broker.heard.lost, [], 'the second stream took the place of the first');
  t.ok(broker.connections.send(SERVER, order));
  agent.close();
  await broker.stop();
});

t.test('an agent that says nothing is given up within the silence, stream or no stream', async (t) => {
  const broker = await startTestBroker({ settings: { silenceMs: 400, graceMs: 120 } });
  const { agent } = await connected(broker);
  const [lost] = await until('it is lost', () => broker.heard.lost.length > 0 && broker.heard.lost);
  t.same(lost, { serverId: SERVER, reason: 'The agent gave no sign of life for 0.4 s' });
  await agent.greet();
  await until('the one without a stream is lost, too', () => broker.heard.lost.length === 2);
  agent.close();
  await broker.stop();
});

t.test('an agent that never opens its stream is given up though it says something', async (t) => {
  const broker = await startTestBroker({ settings: { silenceMs: 1500, graceMs: 120 } });
  const agent = rawAgent(broker);
  const { connectionId } = await agent.greet();
  const talking = setInterval(() => void agent.post('/agent/reports', { connectionId, reports: [] }), 50);
  const lost = await until('it is lost', () => broker.heard.lost[0]);
  clearInterval(talking);
  t.equal(lost.reason, 'The agent closed the connection');
  t.equal(broker.heard.connected.length, 0);
  await pause(60);
  agent.close();
  await broker.stop();
});

t.test('an agent that does not read its orders is dropped before they fill the memory', async (t) => {
  const broker = await startTestBroker({ settings: { bufferBytes: 100_000, silenceMs: 60_000, graceMs: 100 } });
  const agent = rawAgent(broker);
  const { connectionId } = await agent.greet();
  const stream = await agent.orders(connectionId);
  stream.pause();
  const sent = await until('it is dropped', () => !broker.connections.send(SERVER, permissionsOrder(1_000_000)));
  t.ok(sent);
  const lost = await until('it is lost', () => broker.heard.lost[0]);
  t.equal(lost.reason, 'The agent closed the connection');
  agent.close();
  await broker.stop();
});

t.test('an agent that talks but has stopped reading is given up within the silence', async (t) => {
  const broker = await startTestBroker({ settings: { bufferBytes: 1e9, silenceMs: 1500 } });
  const agent = rawAgent(broker);
  const { connectionId } = await agent.greet();
  const stream = await agent.orders(connectionId);
  stream.pause();
  for (let count = 0; count < 30; count += 1) broker.connections.send(SERVER, permissionsOrder(1_000_000));
  const talking = setInterval(() => void agent.post('/agent/reports', { connectionId, reports: [] }).catch(() => undefined), 50);
  const lost = await until('it is lost', () => broker.heard.lost[0]);
  clearInterval(talking);
  t.equal(lost.reason, 'The agent did not read its orders for 1.5 s');
  await pause(100);
  agent.close();
  await broker.stop();
});

t.test('a greeting that could not be judged does not keep the former connection alive', async (t) => {
  const broker = await startTestBroker({ settings: { silenceMs: 600 } });
  const { agent } = await connected(broker);
  broker.rejectGreetings(new LogBusyError('full'));
  t.match(await agent.post('/agent/connect', greeting()), { status: 503 });
  broker.rejectGreetings('no');
  t.match(await agent.post('/agent/connect', greeting()), { status: 403, body: { message: 'no' } });
  t.equal(broker.connections.count(), 1);
  await until('it is lost like any other', () => broker.heard.lost.length > 0);
  agent.close();
  await broker.stop();
});

t.test('a broker holds as many agents as it may', async (t) => {
  const broker = await startTestBroker({ settings: { maxConnections: 1 } });
  const { agent } = await connected(broker);
  const second = await agent.post('/agent/connect', greeting({ serverId: serverId('c2VydmVyLTI') }));
  t.match(second, { status: 503, body: { error: 'busy' } });
  await agent.greet();
  agent.close();
  await broker.stop();
});

t.test('every request for a picture is answered: with pictures, a reason, or an end of patience', async (t) => {
  const broker = await startTestBroker({ settings: { screenshotMs: 150, maxScreenshots: 2, graceMs: 50, silenceMs: 5000 } });
  const { connections } = broker;
  t.same(await connections.screenshot(SERVER, pictureOrder('a')), { rejected: 'The agent of the server is not connected' });
  const { agent, connectionId, stream } = await connected(broker);
  const image = { format: 'png', data: 'AAAA', time: 1, primary: true };
  const asked = connections.screenshot(SERVER, pictureOrder('a'));
  const refused = connections.screenshot(SERVER, pictureOrder('b'));
  t.same(await connections.screenshot(SERVER, pictureOrder('c')), { rejected: 'Too many screenshots are being taken at the moment' });
  t.match(await agent.post('/agent/screenshots', { connectionId, orderId: 'take-screenshot:a', images: [image] }), { status: 200 });
  t.match(await agent.post('/agent/screenshots', { connectionId, orderId: 'take-screenshot:b', reason: 'No display' }), { status: 200 });
  t.match(await agent.post('/agent/screenshots', { connectionId, orderId: 'nobody-asked', reason: 'x' }), { status: 200 });
  t.same(await asked, [image]);
  t.same(await refused, { rejected: 'No display' });
  t.same(await connections.screenshot(SERVER, pictureOrder('d')), { rejected: 'The host did not answer in time' });

  const unanswered = connections.screenshot(SERVER, { ...pictureOrder('e') });
  stream.destroy();
  t.match(await unanswered, { rejected: 'The agent closed the connection' });
  agent.close();
  await broker.stop();
});

import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import jpeg from 'jpeg-js';
import t from 'tap';
import { type ServerId, sessionId } from '../../domain/ids.ts';
import type { Order } from '../../domain/ports/agent-link.ts';
import { startTestBroker, type TestBroker } from '../helpers/agent-broker.ts';
import { certificatesIn } from '../helpers/certificates.ts';
import { newFolder, startRealAgent } from '../helpers/real-agent.ts';
import { pause, until } from '../helpers/until.ts';

const SESSION = sessionId('5b0e8f0a-0000-4000-8000-000000000001');

const createOrder = (attempt = 1, changes: Partial<Extract<Order, { kind: 'create-session' }>> = {}): Order => ({
  kind: 'create-session',
  orderId: `create-session:${SESSION}:${attempt}`,
  sessionId: SESSION,
  attempt,
  spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL' },
  ...changes,
});

const pictureOrder = (format: 'png' | 'jpeg'): Extract<Order, { kind: 'take-screenshot' }> => ({
  kind: 'take-screenshot',
  orderId: `take-screenshot:${SESSION}:${format}`,
  sessionId: SESSION,
  localId: SESSION,
  maxWidth: 320,
  maxHeight: 100,
  format,
});

const greeted = (broker: TestBroker): Promise<ServerId> =>
  until('an agent is connected', () => broker.heard.connected.length > 0 && broker.heard.greetings.at(-1)?.serverId);

t.test('an agent enrols once, greets, carries out an order and reports it', async (t) => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  const agent = await startRealAgent(broker, { folder });
  const serverId = await greeted(broker);
  await until('the agent knows that it is connected', () => agent.connected());

  t.match(Buffer.from(serverId, 'base64').toString(), /^host-1:[0-9a-f-]{36,38}$/);
  t.notMatch(serverId, /=/);
  const [greeting] = broker.heard.greetings;
  t.match(greeting, { healthy: true, sessions: [], inProgress: [], loggedInUsers: [] });
  t.match(greeting?.description, { hostname: 'host-1', maxVirtualSessions: -1, maxSessionsPerOwner: 1 });
  t.same(greeting?.description.tags, [
    { key: 'dcv:max-concurrent-sessions-per-user', value: '1' },
    { key: 'dcv:max-virtual-sessions', value: '-1' },
    { key: 'dcv:os-family', value: 'linux' },
  ]);

  t.ok(broker.connections.send(serverId, createOrder()));
  await until('it is reported', () => broker.heard.reports.some(({ kind }) => kind === 'session-started'));
  t.match(broker.heard.reports, [{ kind: 'session-started', sessionId: SESSION, attempt: 1 }]);
  t.match(await agent.driver.list(), [{ localId: SESSION, owner: 'ann' }]);

  t.equal((await stat(join(folder, 'credentials.json'))).mode & 0o777, 0o600);
  t.equal(broker.clients.size, 1);
  await agent.stop();
  const again = await startRealAgent(broker, { folder });
  const second = await until('the restarted agent greets', () => broker.heard.greetings[1]);
  t.equal(second.serverId, serverId);
  t.equal(broker.clients.size, 1);
  t.match(second.sessions, [{ sessionId: SESSION, localId: SESSION, attempt: 1, spec: { owner: 'ann' }, connections: 0 }]);
  await again.stop();
  await broker.stop();
});

t.test('telemetry comes with every update interval', async (t) => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker);
  await until('telemetry arrives', () => broker.heard.telemetry[0]);
  t.ok((broker.heard.telemetry[0]?.memoryUsedBytes ?? 0) > 0);
  await agent.stop();
  await broker.stop();
});

t.test('pictures go to whoever asked for them', async (t) => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker);
  const serverId = await greeted(broker);
  t.same(await broker.connections.screenshot(serverId, pictureOrder('png')), { rejected: `There is no session '${SESSION}'` });
  await agent.driver.addByHand({ localId: SESSION, owner: 'ann', name: 'desk' });
  const pictures = await broker.connections.screenshot(serverId, pictureOrder('jpeg'));
  t.match(pictures, [{ format: 'jpeg', primary: true }]);
  const [picture] = 'rejected' in pictures ? [] : pictures;
  const { width, height } = jpeg.decode(Buffer.from(picture?.data ?? '', 'base64'));
  t.same({ width, height }, { width: 160, height: 100 });

  agent.driver.breakDown('dcvserver is not running');
  t.same(await broker.connections.screenshot(serverId, pictureOrder('png')), { rejected: 'dcvserver is not running' });
  await agent.stop();
  t.match(await broker.connections.screenshot(serverId, pictureOrder('png')), { rejected: /not connected/ });
  await broker.stop();
});

t.test('an agent finds its broker again after a restart, and tells it what happened in between', async (t) => {
  const folder = await newFolder();
  const first = await startTestBroker({ folder });
  const agent = await startRealAgent(first);
  await greeted(first);
  await first.stop();
  await until('the agent has noticed', () => !agent.connected());
  await agent.driver.addByHand({ localId: 'by-hand', owner: 'bob' });
  await agent.driver.removeByHand('by-hand');

  const second = await startTestBroker({ folder, port: first.port, clients: first.clients });
  await greeted(second);
  await until('both facts are reported', () => second.heard.reports.length === 2);
  t.match(second.heard.reports, [
    { kind: 'session-found', session: { sessionId: 'by-hand' } },
    { kind: 'session-ended', sessionId: 'by-hand' },
  ]);
  t.same(second.heard.greetings[0]?.sessions, []);
  t.same(second.heard.greetings[0]?.inProgress, ['by-hand'], 'what is still to be told is neither alive nor gone');
  await agent.stop();
  await second.stop();
});

t.test('an agent whose credentials the broker has forgotten enrols anew', async (t) => {
  const folder = await newFolder();
  const agentFolder = await newFolder();
  const first = await startTestBroker({ folder });
  const agent = await startRealAgent(first, { folder: agentFolder });
  await greeted(first);
  await first.stop();
  const second = await startTestBroker({ folder, port: first.port });
  await greeted(second);
  t.equal(second.clients.size, 1);
  t.match(JSON.parse(await readFile(join(agentFolder, 'credentials.json'), 'utf8')), { id: [...second.clients.keys()][0] });
  t.ok(agent.log.lines.some(({ message }) => message.includes('enrolling again')));
  await agent.stop();
  await second.stop();
});

t.test('an agent whose broker gives no tokens goes on asking, and enrols no more than once', async (t) => {
  const broker = await startTestBroker();
  const folder = await newFolder();
  broker.answerTokensWith(401);
  const agent = await startRealAgent(broker, { folder });
  const said = (text: string) =>
    until(text, () => agent.log.lines.some(({ fields }) => 'reason' in fields && String(fields.reason).includes(text)));
  await said('no token: the broker answered with status 401, no_luck: not today');
  broker.answerTokensWith(500);
  await said('no token: the broker answered with status 500');
  const enrolled = broker.clients.size;
  broker.answerTokensWith(undefined);
  await greeted(broker);
  t.equal(broker.clients.size, enrolled);
  await agent.stop();
  await broker.stop();
});

t.test('a token that is refused before its time is replaced without losing the connection', async (t) => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker);
  const serverId = await greeted(broker);
  broker.tokens.clear();
  await until('a new token was asked for', () => broker.tokens.size === 1);
  broker.connections.send(serverId, createOrder());
  await until('reports still arrive', () => broker.heard.reports.length > 0);
  t.equal(broker.heard.greetings.length, 1);
  await agent.stop();
  await broker.stop();
});

t.test('an agent that is not let in says why and keeps trying', async (t) => {
  const broker = await startTestBroker();
  const wrong = await startRealAgent(broker, { statement: 'forged' });
  const said = (agent: typeof wrong, text: RegExp) =>
    until(String(text), () => agent.log.lines.some(({ fields }) => 'reason' in fields && text.test(String(fields.reason))));
  await said(wrong, /not enrolled: the broker answered with status 400, invalid_software_statement/);
  await wrong.stop();

  broker.rejectGreetings('This server id belongs to another agent');
  const agent = await startRealAgent(broker);
  await said(agent, /did not welcome this agent: status 403, rejected: This server id belongs to another agent/);
  broker.rejectGreetings(undefined);
  await greeted(broker);
  await until('it is connected', () => agent.connected());
  await agent.stop();
  await broker.stop();
  t.equal(broker.heard.greetings.length, 1);
});

t.test('an agent does not talk to a broker whose certificate it cannot verify, unless it is told to', async (t) => {
  const broker = await startTestBroker();
  const other = await certificatesIn(await newFolder());
  const strict = await startRealAgent({ port: broker.port, caFile: other.caFile });
  await until('the certificate is refused', () =>
    strict.log.lines.some(({ fields }) => 'reason' in fields && /does not answer: .*certificate/.test(String(fields.reason))),
  );
  t.equal(broker.heard.greetings.length, 0);
  await strict.stop();
  const trusting = await startRealAgent({ port: broker.port, caFile: other.caFile }, { tlsStrict: false });
  await greeted(broker);
  await trusting.stop();
  await broker.stop();
});

t.test('an agent gives up a broker that has gone silent', async (t) => {
  const broker = await startTestBroker({ settings: { heartbeatMs: 60_000, silenceMs: 300, graceMs: 60_000 } });
  // Only the stream is judged: the agent's own posts are answered all the time.
  const agent = await startRealAgent(broker);
  await greeted(broker);
  await until('the agent has noticed', () =>
    agent.log.lines.some(({ fields }) => 'reason' in fields && fields.reason === 'the broker gave no sign of life for 300 ms'),
  );
  await until('it greets again', () => broker.heard.greetings.length > 1);
  await agent.stop();
  await broker.stop();
  t.pass('reconnected');
});

t.test('a broker that takes long over a report does not take the agent for dead', async (t) => {
  const broker = await startTestBroker({ settings: { heartbeatMs: 100, silenceMs: 2500 } });
  const agent = await startRealAgent(broker);
  await greeted(broker);
  await until('it is connected', () => agent.connected());
  let finish = (): void => undefined;
  broker.behave(async (reports) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return reports.map(({ reportId }) => reportId);
  });
  await agent.driver.addByHand({ localId: 'by-hand', owner: 'bob' });
  await pause(4000);
  t.same(broker.heard.lost, []);
  t.ok(agent.connected());
  finish();
  await agent.stop();
  await broker.stop();
});

t.test('an agent that ends is given up after the grace', async (t) => {
  const broker = await startTestBroker({ settings: { silenceMs: 120_000, heartbeatMs: 500, graceMs: 150 } });
  const agent = await startRealAgent(broker);
  const serverId = await greeted(broker);
  await until('it is connected', () => agent.connected());
  await agent.stop();
  const lost = await until('it is lost', () => broker.heard.lost[0]);
  t.same(lost, { serverId, reason: 'The agent closed the connection' });
  t.equal(broker.connections.count(), 0);
  await broker.stop();
});

t.test('a socket that takes connections and never answers does not hold the agent', async (t) => {
  const mute = createServer(() => undefined);
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const broker = await startTestBroker();
  const address = mute.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const agent = await startRealAgent({ port, caFile: broker.caFile });
  await until('it is given up', () => agent.log.lines.some(({ message }) => message === 'not connected to the broker'), 15_000);
  t.notOk(agent.connected());
  await agent.stop();
  mute.close();
  await broker.stop();
});

t.test('orders that make no sense are passed over', async (t) => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker);
  const serverId = await greeted(broker);
  const nonsense = { kind: 'dance', orderId: 'dance:1', sessionId: SESSION } as unknown as Order;
  t.ok(broker.connections.send(serverId, nonsense));
  broker.connections.send(serverId, createOrder());
  await until('the next one is carried out', () => broker.heard.reports.length > 0);
  t.ok(agent.log.lines.some(({ level, fields }) => level === 'error' && 'eventId' in fields && fields.eventId === 'dance:1'));
  await agent.stop();
  await broker.stop();
});

t.test('a broker that asks for no credentials is reached without any', async (t) => {
  const broker = await startTestBroker({ anonymous: true });
  const agent = await startRealAgent(broker, { statement: null });
  await greeted(broker);
  await until('it is connected', () => agent.connected());
  t.equal(broker.clients.size, 0);
  t.equal(broker.tokens.size, 0);
  await agent.stop();
  await broker.stop();
});

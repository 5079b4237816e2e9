/** Agents that have several brokers to choose from. */
import t from 'tap';
import { createBrokers, type Resolve } from '../../agent/brokers.ts';
import { startTestBroker, type TestBroker } from '../helpers/agent-broker.ts';
import { newFolder, type RealAgent, startRealAgent } from '../helpers/real-agent.ts';
import { startSimulatedAgent } from '../helpers/simulated-agent.ts';
import { createSeededRandom } from '../helpers/simulated-clock.ts';
import { until } from '../helpers/until.ts';

const literally: Resolve = async (host) => [host];
const targets = ['a', 'b', 'c'].map((host) => ({ host, port: 1 }));

t.test('a fleet spreads over its brokers, and what one of them loses over all the others', async (t) => {
  const random = createSeededRandom(1);
  const orders = new Map<string, number>();
  for (let agent = 0; agent < 600; agent += 1) {
    const brokers = createBrokers(targets, literally, random);
    const order = [];
    for (let turn = 0; turn < 3; turn += 1) {
      order.push((await brokers.current()).host);
      brokers.turn();
    }
    orders.set(order.join(''), (orders.get(order.join('')) ?? 0) + 1);
  }
  t.equal(orders.size, 6);
  for (const [order, count] of orders) t.ok(count > 60 && count < 140, `${order}: ${count}`);
});

t.test('a name stands for all its addresses, which are looked up anew for every round', async (t) => {
  let addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.1'];
  const lookups: string[] = [];
  const resolve: Resolve = async (host) => {
    lookups.push(host);
    if (host === 'unknown') throw new Error('getaddrinfo ENOTFOUND unknown');
    return addresses;
  };
  const brokers = createBrokers(
    [
      { host: 'brokers', port: 1 },
      { host: 'unknown', port: 2 },
    ],
    resolve,
    createSeededRandom(1),
  );
  t.equal(brokers.count(), 2);
  const round = async () => {
    const seen = [];
    for (let turn = 0; turn < 3; turn += 1) {
      t.same(await brokers.current(), await brokers.current(), 'it is the same one until its turn is over');
      seen.push(await brokers.current());
      brokers.turn();
    }
    return seen.map(({ host, port, address }) => `${host}:${port} ${address}`).sort();
  };
  t.same(await round(), ['brokers:1 10.0.0.1', 'brokers:1 10.0.0.2', 'unknown:2 undefined']);
  t.equal(brokers.count(), 3);
  t.same(lookups, ['brokers', 'unknown']);
  addresses = ['10.0.0.3', '10.0.0.4'];
  t.same(await round(), ['brokers:1 10.0.0.3', 'brokers:1 10.0.0.4', 'unknown:2 undefined']);
});

t.test('the next broker is tried at once, and only a whole round is waited for', async (t) => {
  const it = await startSimulatedAgent();
  const { broker, clock, log } = it;
  const waits = () => log.lines.flatMap(({ fields }) => ('retryInMs' in fields ? [Number(fields.retryInMs)] : []));
  broker.brokers = 3;
  broker.down = 'no answer';
  await clock.advance(4000);
  broker.handlers?.closed('gone');
  await clock.advance(2000);
  const all = waits();
  t.same(all.slice(0, 2), [0, 0]);
  t.ok(all.length > 9);
  t.ok(
    all.every((wait, index) => (index % 3 === 2 ? wait >= 50 : wait === 0)),
    all.join(),
  );
  t.equal(broker.turns, all.length);
  broker.down = undefined;
  await clock.advance(10_000);
  const before = waits().length;
  broker.handlers?.closed('gone again');
  t.equal(waits()[before], 0, 'after a connection that stood a new round begins');
  await clock.advance(0);
  t.ok(it.agent.connected());
  await it.agent.stop();
});

t.test('brokers that welcome and hang up are not run through without a wait', async (t) => {
  const it = await startSimulatedAgent();
  const { broker, clock } = it;
  broker.brokers = 3;
  for (let round = 0; round < 300; round += 1) {
    broker.handlers?.closed('at once');
    await clock.advance(10);
  }
  t.ok(broker.greetings.length < 60, String(broker.greetings.length));
  await it.agent.stop();
});

/** Brokers on one log know the same agents and trust the same authority. */
async function startCluster(count: number): Promise<TestBroker[]> {
  const folder = await newFolder();
  const clients = new Map<string, string>();
  const brokers: TestBroker[] = [];
  for (let number = 0; number < count; number += 1) brokers.push(await startTestBroker({ folder, clients }));
  return brokers;
}

const listOf = (brokers: readonly TestBroker[]): string => brokers.map(({ port }) => `127.0.0.1:${port}`).join(', ');
const logged = (agent: RealAgent, text: RegExp) =>
  agent.log.lines.some(({ fields }) => 'reason' in fields && text.test(String(fields.reason)));

t.test('an agent goes on to another broker when its own one ends, as the same agent', async (t) => {
  const cluster = await startCluster(3);
  const [first] = cluster as [TestBroker];
  const agent = await startRealAgent(first, { brokerHost: listOf(cluster) });
  const holder = () => cluster.find(({ connections }) => connections.count() > 0);
  let former = await until('it is connected', holder);
  const serverId = former.heard.greetings[0]?.serverId;
  for (const rest of [2, 1]) {
    await until('the agent knows', () => agent.connected());
    const began = Date.now();
    await former.stop();
    const next = await until('another one has it', () => cluster.find((each) => each !== former && each.heard.connected.length > 0));
    t.ok(Date.now() - began < 2000, `${Date.now() - began} ms`);
    t.equal(next.heard.greetings[0]?.serverId, serverId);
    cluster.splice(cluster.indexOf(former), 1);
    t.equal(cluster.length, rest);
    former = next;
    await until('the agent knows', () => agent.connected());
  }
  await agent.driver.addByHand({ localId: 'by-hand', owner: 'bob' });
  await until('what happens is reported there', () => former.heard.reports.length === 1);
  t.equal(former.clients.size, 1, 'it enrolled once');
  await agent.stop();
  await former.stop();
});

t.test('a broker that turns it away, or is not there, is passed over', async (t) => {
  const cluster = await startCluster(3);
  const [full, gone, good] = cluster as [TestBroker, TestBroker, TestBroker];
  full.rejectGreetings(new Error('its log is out of reach'));
  await gone.stop();
  const began = Date.now();
  const agents = await Promise.all([1, 2, 3, 4].map(() => startRealAgent(full, { brokerHost: listOf(cluster) })));
  await until('all are connected', () => agents.every((agent) => agent.connected()));
  t.ok(Date.now() - began < 5000);
  t.equal(good.connections.count(), 4);
  t.ok(agents.some((agent) => logged(agent, /status 500|ECONNREFUSED/)));
  for (const agent of agents) await agent.stop();
  for (const broker of [full, good]) await broker.stop();
});

t.test('a name with several addresses is enough', async (t) => {
  const folder = await newFolder();
  const clients = new Map<string, string>();
  const one = await startTestBroker({ folder, clients });
  const two = await startTestBroker({ folder, clients, host: '127.0.0.2', port: one.port });
  const resolve: Resolve = async () => ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
  const agent = await startRealAgent(one, { brokerHost: 'localhost', resolve });
  await until('it is connected', () => agent.connected());
  const [holder, other] = one.connections.count() > 0 ? [one, two] : [two, one];
  await agent.driver.addByHand({ localId: 'a', owner: 'bob' });
  await until('all its sockets go to one broker', () => holder.heard.reports.length === 1);
  await holder.stop();
  await until('the other one has it', () => other.heard.connected.length > 0);
  t.equal(other.clients.size, 1);
  await agent.stop();
  await other.stop();
});

t.test('the operating system is asked for the addresses of a name', async (t) => {
  const broker = await startTestBroker();
  const agent = await startRealAgent(broker, { brokerHost: 'localhost' });
  await until('it is connected', () => agent.connected());
  await agent.stop();
  const lost = await startRealAgent(broker, { brokerHost: 'nowhere.invalid' });
  await until('it says so', () => logged(lost, /the broker at https:\/\/nowhere\.invalid:\d+ does not answer: getaddrinfo/));
  await lost.stop();
  await broker.stop();
  t.pass('both were told apart');
});

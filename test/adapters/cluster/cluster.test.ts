/** Two brokers, each with agents and a view of the fleet of its own, and the channel between them. */
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { createCluster } from '../../../adapters/cluster/cluster.ts';
import type { PictureOrder } from '../../../adapters/cluster/peers.ts';
import type { OrderStream } from '../../../adapters/http/agent-connection.ts';
import { createAgentConnections } from '../../../adapters/http/agent-connections.ts';
import { serveHttps } from '../../../adapters/http/serve.ts';
import { systemClock, systemRandom } from '../../../adapters/system.ts';
import { type BrokerId, brokerId, serverId, sessionId } from '../../../domain/ids.ts';
import type { Telemetry } from '../../../domain/ports/agent-link.ts';
import type { Reception } from '../../../domain/ports/reception.ts';
import { createDirectory } from '../../../domain/processes/directory.ts';
import { createTestFleet } from '../../helpers/fleet.ts';
import { newCluster } from '../../helpers/peers.ts';
import { recordingLogger } from '../../helpers/real-agent.ts';
import { AGENT_CLIENT } from '../../helpers/samples.ts';
import { until } from '../../helpers/until.ts';

const SERVER = serverId('c2VydmVyLTE');
const IDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'].map(brokerId);
const ORDER: PictureOrder = {
  kind: 'take-screenshot',
  orderId: 'take-screenshot:a:1',
  sessionId: sessionId('a'),
  localId: 'a',
  maxWidth: 160,
  maxHeight: 100,
  format: 'png',
};
const PICTURE = { format: 'png', data: 'aGVsbG8=', time: 1, primary: true } as const;
const TELEMETRY: Telemetry = { memoryUsedBytes: 7, swapUsedBytes: 0, cpuLoadAverage: [1, 2, 3] };
const NOT_CONNECTED = { rejected: 'The agent of the server is not connected' };

async function startBrokers(t: Test) {
  const shared = await newCluster(t);
  const ports = { clock: systemClock, random: systemRandom };
  const brokers = await Promise.all(
    IDS.map(async (self) => {
      const connections = createAgentConnections(ports, { screenshotMs: 2000 });
      const { fleet, tell } = createTestFleet();
      const directory = createDirectory();
      const reception = { telemetry: fleet.telemetry } as Partial<Reception> as Reception;
      const logger = recordingLogger();
      const core = () => ({ directory, fleet, reception });
      const holds: readonly string[] = [`held by ${self}`];
      const deps = { ...shared, ...ports, self, connections, ca: [shared.ca], logger, holds: () => holds, core };
      const cluster = createCluster(deps);
      const serving = await serveHttps(cluster.api(), { host: '127.0.0.1', port: 0, ...shared.certificates });
      t.teardown(async () => {
        await cluster.close();
        connections.close();
        await serving.close();
      });
      return { self, connections, fleet, tell, directory, logger, ...cluster, url: `https://127.0.0.1:${serving.port}` };
    }),
  );
  /** A fact, as all of them hear it. */
  const heard = (event: Parameters<(typeof brokers)[number]['tell']>[1]) => brokers.map(({ tell }) => tell(SERVER, event));
  for (const { directory } of brokers) for (const { self: id, url } of brokers) directory.put({ id, host: 'host', url });
  const [one, two] = brokers as [(typeof brokers)[number], (typeof brokers)[number]];
  heard({ type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: null } });
  return { one, two, heard, isHeldBy: (broker: BrokerId) => heard({ type: 'server.became-reachable', data: { broker } }) };
}

/** An agent that connects and answers every order for a picture. */
function connectAgent({ connections }: Awaited<ReturnType<typeof startBrokers>>['one'], run?: string): PassThrough {
  const welcome = connections.arriving(SERVER, AGENT_CLIENT, run).welcomed();
  const stream = new PassThrough();
  stream.on('data', (text) => {
    if (String(text).includes(ORDER.orderId)) connections.pictures(SERVER, ORDER.orderId, { images: [PICTURE] });
  });
  connections.attach(String(welcome?.connectionId), AGENT_CLIENT, () => stream as unknown as OrderStream);
  return stream;
}

t.test('of two agents with one id the second is told from the first that comes back, at whatever broker', async (t) => {
  const { one, two, isHeldBy } = await startBrokers(t);
  t.notOk(await two.contested(SERVER, 'copy'), 'nobody is there');
  const stream = connectAgent(one, 'first');
  isHeldBy(one.self);
  for (const broker of [one, two]) {
    t.ok(await broker.contested(SERVER, 'copy'));
    t.notOk(await broker.contested(SERVER, 'first'));
    t.notOk(await broker.contested(SERVER, undefined));
  }
  stream.destroy();
  await until('the first is gone', () => !one.connections.contested(SERVER, 'copy'));
  t.notOk(await two.contested(SERVER, 'copy'));
  connectAgent(one);
  t.notOk(await two.contested(SERVER, 'copy'), 'an agent that does not say which run it is cannot be told from itself');
});

t.test('an agent does not wait for a broker that is not there, nor for one that has nothing to say', async (t) => {
  const { one, two, isHeldBy } = await startBrokers(t);
  connectAgent(one, 'first');
  isHeldBy(one.self);
  one.connections.contested = () => {
    throw new Error('a fault');
  };
  t.notOk(await two.contested(SERVER, 'copy'));
  for (const { directory } of [one, two]) directory.put({ id: one.self, host: 'host', url: 'https://127.0.0.1:1' });
  t.notOk(await two.contested(SERVER, 'copy'));
  isHeldBy('33333333-3333-4333-8333-333333333333' as BrokerId);
  t.notOk(await two.contested(SERVER, 'copy'), 'a broker that has left');
});

t.test('a picture is had through any broker, wherever the agent is connected', async (t) => {
  const { one, two, heard, isHeldBy } = await startBrokers(t);
  t.same(await two.link.screenshot(SERVER, ORDER), NOT_CONNECTED, 'nobody says where it is');
  connectAgent(one);
  isHeldBy(one.self);
  for (const { link } of [one, two]) t.same(await link.screenshot(SERVER, ORDER), [PICTURE]);
  isHeldBy(two.self);
  t.same(await two.link.screenshot(SERVER, ORDER), NOT_CONNECTED, 'a broker does not ask itself');
  isHeldBy(one.self);
  heard({ type: 'server.became-unreachable', data: { reason: 'gone' } });
  t.same(await two.link.screenshot(SERVER, ORDER), NOT_CONNECTED);
});

t.test('a broker that has lost the agent says so instead of asking further', async (t) => {
  const { one, two, isHeldBy } = await startBrokers(t);
  isHeldBy(one.self);
  t.same(await two.link.screenshot(SERVER, ORDER), NOT_CONNECTED);
});

t.test('what an agent says of its load at one broker is known at the other, unless it has come over', async (t) => {
  const { one, two } = await startBrokers(t);
  one.reception().telemetry(SERVER, TELEMETRY);
  t.same(one.fleet.get(SERVER)?.telemetry, TELEMETRY);
  await until('it is known there too', () => two.fleet.get(SERVER)?.telemetry);
  t.same(two.fleet.get(SERVER)?.telemetry, TELEMETRY);
  connectAgent(two);
  const newest = { ...TELEMETRY, memoryUsedBytes: 9 };
  two.reception().telemetry(SERVER, newest);
  one.reception().telemetry(SERVER, { ...TELEMETRY, memoryUsedBytes: 8 });
  await until('each has told the other', () => one.fleet.get(SERVER)?.telemetry?.memoryUsedBytes === 9);
  one.reception().telemetry(SERVER, TELEMETRY);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  t.same(two.fleet.get(SERVER)?.telemetry, newest);
});

t.test('what fails between brokers is logged', async (t) => {
  const { one, two, isHeldBy } = await startBrokers(t);
  isHeldBy(one.self);
  one.connections.screenshot = () => Promise.reject(new Error('a fault'));
  t.match(await two.link.screenshot(SERVER, ORDER), { rejected: /does not answer/ });
  t.match(one.logger.lines, [{ level: 'error', message: 'A request of another broker failed.', fields: { err: { message: 'a fault' } } }]);
});

t.test('a broker hears from another one which locks that one holds', async (t) => {
  const { one, two } = await startBrokers(t);
  t.same(await one.holdsOf(two.self), [`held by ${two.self}`]);
  t.same(await two.holdsOf(one.self), [`held by ${one.self}`]);
});

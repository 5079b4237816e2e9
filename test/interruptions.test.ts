/** What can come between a broker and a host with a DCV server: each of it by itself, with real processes and a network that can be frozen. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { become, create, eventually, type Place, place, serverWith } from './helpers/dcv-place.ts';
import { type Relay, startRelay } from './helpers/relay.ts';
import { pause } from './helpers/until.ts';

/** Long enough for an agent to look at its host. */
const LOOK_MS = 5_000;

async function running(t: Test) {
  let relay: Relay | undefined;
  const it = await place(t, async (broker) => {
    relay = await startRelay(t, () => broker.connection.agentPort);
    return relay.port;
  });
  const agent = it.startAgent();
  await available(it);
  return { ...it, agent, relay: relay as Relay };
}

const available = ({ broker }: Place) => serverWith(broker, ({ Availability }) => Availability === 'AVAILABLE');

async function ready(it: Place): Promise<string> {
  const id = await create(it);
  await become(it.broker, id, ({ State }) => State === 'READY');
  return id;
}

t.test('what happens on a host while its broker is away is told when it is back, even by another run of the agent', async (t) => {
  const it = await running(t);
  const { broker, host, agent } = it;
  const [closed, used] = [await ready(it), await ready(it)];
  await broker.kill();
  host.removeByHand(closed);
  host.addByHand('found', { owner: 'eve' });
  host.connect(used, 'ann');
  await pause(LOOK_MS);
  agent.child.kill('SIGKILL');
  await agent.ended;
  it.startAgent();
  await pause(LOOK_MS);
  host.removeByHand('found');
  broker.spawn();
  await broker.ready();
  t.match(await become(broker, closed, ({ State }) => State === 'DELETED'), { StateReason: 'The session was closed on its host' });
  await become(broker, used, ({ State, NumOfConnections }) => State === 'READY' && NumOfConnections === 1);
  t.same(await broker.client.describeSessions({ Filters: [{ Key: 'state', Value: 'READY' }] }).then(idsOf), [used]);
});

t.test('an order that an agent was killed over is carried out once', async (t) => {
  const it = await running(t);
  const { broker, host } = it;
  let { agent } = it;
  async function killOver(command: string): Promise<void> {
    await eventually(`dcv ${command} is under way`, async () => host.count(command) > 0);
    agent.child.kill('SIGKILL');
    await agent.ended;
    agent = it.startAgent();
  }
  host.turn({ delayMs: { 'create-session': 3_000 } });
  const id = await create(it);
  await killOver('create-session');
  await become(broker, id, ({ State }) => State === 'READY');
  t.same(idsIn(host.sessions()), [id]);
  t.same(await startsOf(it, id), [1]);

  host.turn({ delayMs: { 'close-session': 3_000 } });
  await broker.client.deleteSessions([{ SessionId: id, Owner: 'ann' }]);
  await killOver('close-session');
  await become(broker, id, ({ State }) => State === 'DELETED');
  t.same(host.sessions(), []);
});

t.test('sessions that a reboot took are reported as deleted', async (t) => {
  const it = await running(t);
  const { broker, host, agent } = it;
  const ids = [await ready(it), await ready(it)];
  agent.child.kill('SIGKILL');
  await agent.ended;
  await become(broker, String(ids[0]), ({ State }) => State === 'UNKNOWN');
  for (const id of ids) host.removeByHand(id);
  it.startAgent();
  for (const id of ids) await become(broker, id, ({ State }) => State === 'DELETED');
  t.equal((await available(it)).VirtualSessionCount, 0, 'their slots are free');
});

t.test('a connection that is open and leads nowhere is given up by both sides, and the next one settles what happened', async (t) => {
  const it = await running(t);
  const { broker, host, relay, agent } = it;
  const [kept, closed] = [await ready(it), await ready(it)];
  relay.freeze();
  await serverWith(broker, ({ UnavailabilityReason }) => UnavailabilityReason === 'UNREACHABLE_AGENT');
  await agent.says('not connected to the broker');
  host.removeByHand(closed);
  await become(broker, kept, ({ State }) => State === 'UNKNOWN');
  await broker.client.deleteSessions([{ SessionId: kept, Owner: 'ann' }]);
  t.equal(host.sessions().length, 1, 'nobody can tell the host yet');
  relay.thaw();
  await available(it);
  for (const id of [kept, closed]) await become(broker, id, ({ State }) => State === 'DELETED');
  t.same(host.sessions(), []);
});

t.test('an agent takes the next certificate of its broker as it took the first', async (t) => {
  const it = await running(t);
  const { broker } = it;
  const id = await ready(it);
  await broker.kill('SIGTERM');
  for (const name of ['server.key', 'server.pem']) rmSync(join(broker.dataDir, 'tls', name));
  broker.spawn();
  await broker.ready();
  await available(it);
  await become(broker, id, ({ State }) => State === 'READY');
});

const idsIn = (sessions: readonly { readonly id: string }[]): string[] => sessions.map(({ id }) => id).sort();

const idsOf = (sessions: readonly { readonly Id?: string | null | undefined }[]): string[] => sessions.map(({ Id }) => String(Id)).sort();

/** Its attempts that were started, as the log has them. */
async function startsOf({ broker }: Place, id: string): Promise<unknown[]> {
  const history = await broker.client.sessionHistory(id);
  return history.filter(({ Type }) => Type === 'session.started').map(({ Data }) => (Data as { attempt?: unknown }).attempt);
}

/**
 * Three brokers on one log, of which any may be killed at any time, while clients go to all of them and agents move between them. What was acknowledged is kept,
 * nothing runs twice, no slot is left behind, and any broker tells the same. Real processes; `EVENTSTORE_URL` puts the log on a real EventStoreDB.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemRandom } from '../adapters/system.ts';
import { createSeededFraction } from '../agent/seeded.ts';
import { type ApiClient, createApiClient, type HistoryEntry } from './helpers/api-client.ts';
import { AGENTS, runModule } from './helpers/berth-process.ts';
import { startEventStore } from './helpers/event-store.ts';
import {
  agentProcess,
  checkAcknowledged,
  checkHosts,
  eventually,
  type HostOptions,
  hostsOf,
  type KillWorld,
  missingServers,
  missingSessions,
  seconds,
  settle,
} from './helpers/kill-checks.ts';
import { startLoad, type Told } from './helpers/kill-load.ts';
import { type RealBroker, startBroker, writeServer } from './helpers/real-broker.ts';
import { SEED } from './helpers/seed.ts';
import { pause } from './helpers/until.ts';

const fraction = createSeededFraction(SEED);

/** Who is killed at a time, and whether agents are too. */
const BLOWS: readonly { readonly victims: readonly ('leader' | 'other')[]; readonly agents?: boolean }[] = [
  { victims: ['leader'] },
  { victims: ['other'] },
  { victims: ['leader'], agents: true },
  { victims: ['leader', 'other'] },
  { victims: ['other'], agents: true },
];
const AWAY_MS = 3000;
const CALM_MS = 1500;
/** For a slow machine. Ten seconds are meant. */
const MADE_GOOD_MS = 30_000;
/** As often as real agents. */
const AGENTS_FACTOR = '1';
/** How long a leader is stopped. */
const SILENCE_MS = 14_000;
const LEADS = 'This broker leads.';
const LEADS_NO_MORE = 'This broker does not lead any more.';

const simulated = { latency_ms_min: 5, latency_ms_max: 80, failure_rate: 0.05 };
const SERVERS: readonly HostOptions[] = [
  { hostname: 'linux-0', maxVirtualSessions: 5, tags: { rack: '1' }, simulated },
  { hostname: 'linux-1', maxVirtualSessions: 4, tags: { rack: '1' }, simulated, maxSessionsPerUser: 2 },
  { hostname: 'windows-2', maxVirtualSessions: 0, tags: { rack: '1' }, simulated, os: 'windows' },
  { hostname: 'linux-3', maxVirtualSessions: 3, tags: { rack: '2' }, simulated },
  { hostname: 'linux-4', maxVirtualSessions: 4, tags: { rack: '2' }, simulated },
];

interface World extends KillWorld {
  readonly brokers: readonly RealBroker[];
  readonly kills: Kill[];
}

interface Kill {
  /** ms since 1970, when the processes were gone. */
  readonly at: number;
  readonly ids: readonly string[];
  readonly wasLeader: boolean;
}

t.setTimeout(600_000);

t.test(`brokers that are killed are made good for by the others (seed ${SEED})`, async (t) => {
  const world = await createWorld(t);
  const { brokers, hosts, problems, kills } = world;
  const load = startLoad({
    client: () => oneOf(brokers).client,
    random: { uuid: systemRandom.uuid, fraction },
    serverIds: hosts.map(({ serverId }) => serverId),
  });
  const { told } = load;
  await strike(world, told).finally(load.stop);
  t.comment(`${told.answers} calls answered, ${told.lost} lost; ${told.sessions.size} sessions acknowledged`);
  t.same(told.faults, [], 'every answer is a good one');
  t.same(problems.splice(0), [], 'after each blow every broker knows what any of them acknowledged, and no host holds what it must not');

  const settled = await settle(world, told);
  t.same(settled.problems, [], 'every session comes to READY or DELETED, and every slot is held by a live session');
  t.same(await missingSessions(world, told), [], 'every session that was acknowledged is known, with its history');
  t.same(await missingServers(world, told.servers), [], 'every opening and closing of a server that was acknowledged is in its history');
  const placed = await timesToPlacement(world, told);
  const moved = await timesToMove(world);
  t.comment(`after the end of a leader the next session asked for is placed in ${placed.map(seconds).join(', ')}`);
  t.comment(`after the end of a broker its servers are at others in ${moved.map(seconds).join(', ')}`);
  t.equal(placed.length, kills.filter(({ wasLeader }) => wasLeader).length);
  t.ok(moved.length > 0);
  t.ok(Math.max(...placed, ...moved) < MADE_GOOD_MS);

  await t.test('all brokers describe the same', (t) => sameEverywhere(t, world));
  await t.test('what is written at one broker is read at another with its position', (t) => readElsewhere(t, world));
  await t.test('tokens of one broker are good at another', (t) => tokensElsewhere(t, world));
  await t.test('pictures and load of a host are had through any broker', (t) => hostsElsewhere(t, world));
});

t.test('a leader that falls silent in the middle of its work is made good for, and does no harm when it comes back', async (t) => {
  const world = await createWorld(t);
  const leader = await leaderOf(world.brokers);
  const others = world.brokers.filter((broker) => broker !== leader) as [RealBroker, RealBroker];
  const acknowledged = [await createOne(leader), await createOne(others[0])];
  // Until it has been asked for a sign of life.
  await pause(CALM_MS);
  const underWay = createOne(leader);
  const { at, told, placed } = await whileStopped(leader, async () => {
    const at = Date.now();
    const told = await Promise.all(others.map(createOne));
    const placed = await Promise.all(told.map((id) => placementOf(others[0], id)));
    await leaderOf(others);
    // So long that its agents have gone to others, and it is called gone.
    await pause(Math.max(0, at + SILENCE_MS - Date.now()));
    return { at, told, placed };
  });
  const times = placed.map((placements) => Math.min(...placements) - at);
  t.comment(`after the leader fell silent the next sessions asked for are placed in ${times.map(seconds).join(', ')}`);
  t.ok(Math.max(...times) < MADE_GOOD_MS);
  await leader.process.says('has broken its lock');
  await leader.process.says(LEADS_NO_MORE);
  acknowledged.push(...told, await underWay, await createOne(leader));

  const settled = await settle(world, { sessions: new Map(), servers: [], forced: new Set(), faults: [], answers: 0, lost: 0 });
  t.same(settled.problems, [], 'every session comes to READY or DELETED, and every slot is held by a live session');
  for (const id of acknowledged) {
    const history = await leader.client.sessionHistory(id);
    const attempts = history.flatMap(({ Type, Data }) => (Type === 'session.placed' ? [Data?.['attempt']] : []));
    t.same(attempts, [...new Set(attempts)], 'each attempt is placed once');
    t.ok(attempts.length > 0, 'and nothing is lost');
  }
  t.equal(await leaderOf(world.brokers).then((now) => now === leader), false);
  await t.test('all brokers describe the same', (t) => sameEverywhere(t, world));
});

/** Even if `work` fails it goes on, or it could not be ended. */
async function whileStopped<T>({ process }: RealBroker, work: () => Promise<T>): Promise<T> {
  process.child.kill('SIGSTOP');
  try {
    return await work();
  } finally {
    process.child.kill('SIGCONT');
  }
}

async function createOne({ client }: RealBroker): Promise<string> {
  const made = await client.createSessions([{ Name: 'one', Owner: 'somebody', Type: 'VIRTUAL', EnqueueRequest: true }]);
  return String(made.SuccessfulList?.[0]?.Id);
}

/** When it was placed, ms since 1970: once, or again after a failure. */
async function placementOf({ client }: RealBroker, id: string): Promise<readonly number[]> {
  let times: readonly number[] = [];
  await eventually(async () => {
    times = (await client.sessionHistory(id)).filter(({ Type }) => Type === 'session.placed').map(timeOf);
    return times.length > 0;
  });
  return times;
}

async function createWorld(t: Test): Promise<World> {
  const { url, prefix } = await startEventStore(t, { apart: true });
  const flags = ['--event-log', url, '--stream-prefix', prefix, '--log-level', 'info'];
  const first = await startBroker(t, { bare: true, flags });
  const keyOf = first.dataDir;
  const others = [await startBroker(t, { bare: true, flags, keyOf }), await startBroker(t, { bare: true, flags, keyOf })];
  const brokers = [first, ...others];
  const files = await Promise.all(SERVERS.map((server) => writeServer(first, server, others)));
  const agents = [files.slice(0, 3), files.slice(3)].map((some) =>
    agentProcess(() => runModule(t, AGENTS, [AGENTS_FACTOR, ...some.map(({ configFile }) => configFile)], { bare: true })),
  );
  const hosts = await hostsOf(first.client, files, SERVERS);
  const { clientId, clientPassword } = first.connection;
  const observers = await Promise.all(brokers.map(({ connection }) => createApiClient({ ...connection, clientId, clientPassword })));
  t.teardown(() => Promise.all(observers.map((observer) => observer.close())));
  /** Of any broker, and it sees what all of them acknowledged until now. */
  function client(): ApiClient {
    const observer = oneOf(observers);
    observer.see(Math.max(...brokers.map((broker) => broker.client.position())));
    return observer;
  }
  return { brokers, client, hosts, agents, seenOn: new Map(), problems: [], kills: [] };
}

async function strike(world: World, told: Told): Promise<void> {
  const checked: Told = { ...told, sessions: new Map() };
  for (const { victims, agents = false } of BLOWS) {
    await pause(CALM_MS);
    const leader = await leaderOf(world.brokers);
    const others = world.brokers.filter((broker) => broker !== leader);
    const struck = victims.map((victim) => (victim === 'leader' ? leader : oneOf(others)));
    await Promise.all(struck.map((broker) => broker.kill()));
    const ids = await Promise.all(struck.map(idOf));
    world.kills.push({ at: Date.now(), ids, wasLeader: victims.includes('leader') });
    if (agents) await oneOf(world.agents).restart();
    await pause(AWAY_MS);
    for (const broker of struck) broker.spawn();
    await Promise.all(struck.map((broker) => broker.ready()));
    await checkAcknowledged(world, told, checked);
    await checkHosts(world, told);
  }
}

async function leaderOf(brokers: readonly RealBroker[]): Promise<RealBroker> {
  await eventually(async () => leading(brokers) !== undefined);
  return leading(brokers) as RealBroker;
}

/** The one that said so last, and has not taken it back. */
function leading(brokers: readonly RealBroker[]): RealBroker | undefined {
  const count = (broker: RealBroker, text: string) => broker.process.stderr().split(text).length;
  return brokers.find((broker) => count(broker, LEADS) > count(broker, LEADS_NO_MORE));
}

const idOf = async ({ dataDir }: RealBroker): Promise<string> => (await readFile(join(dataDir, 'broker-id'), 'utf8')).trim();

const timeOf = ({ Time }: HistoryEntry): number => Date.parse(String(Time));

/** For each leader that was killed: until the first session was placed that was asked for afterwards. */
async function timesToPlacement({ client, kills }: World, told: Told): Promise<readonly number[]> {
  const histories = await Promise.all([...told.sessions.keys()].map((id) => client().sessionHistory(id)));
  return kills.flatMap(({ at, wasLeader }) => {
    const later = histories.filter(([first]) => first !== undefined && timeOf(first) > at);
    const placed = later.flatMap((history) => history.filter(({ Type }) => Type === 'session.placed').map(timeOf));
    return wasLeader && placed.length > 0 ? [Math.min(...placed) - at] : [];
  });
}

/** For each server whose broker was killed: until it was connected again. */
async function timesToMove({ client, hosts, kills }: World): Promise<readonly number[]> {
  const times: number[] = [];
  for (const { serverId } of hosts) {
    const connected = (await client().serverHistory(serverId)).filter(({ Data }) => Data?.['broker'] !== undefined);
    for (const { at, ids } of kills) {
      const before = connected.filter((entry) => timeOf(entry) < at).at(-1);
      const after = connected.find((entry) => timeOf(entry) >= at);
      if (after !== undefined && ids.includes(String(before?.Data?.['broker']))) times.push(timeOf(after) - at);
    }
  }
  return times;
}

async function sameEverywhere(t: Test, { brokers, hosts }: World): Promise<void> {
  const position = Math.max(...brokers.map(({ client }) => client.position()));
  for (const { client } of brokers) client.see(position);
  const [first, ...others] = await Promise.all(
    brokers.map(async ({ client }) => {
      const sessions = (await client.describeSessions()).map(({ Server: server, ...session }) => ({ ...session, server: server?.Id }));
      const servers = (await client.describeServers()).map(({ Host: _, ...server }) => server);
      return { sessions, servers: servers.sort((a, b) => String(a.Id).localeCompare(String(b.Id))) };
    }),
  );
  t.equal(first?.servers.length, hosts.length);
  for (const other of others) t.same(other, first);
}

async function readElsewhere(t: Test, { brokers }: World): Promise<void> {
  for (const writer of brokers) {
    for (const reader of brokers) {
      const made = await writer.client.createSessions([{ Name: 'seen', Owner: 'reader', Type: 'VIRTUAL', EnqueueRequest: true }]);
      reader.client.see(writer.client.position());
      const id = String(made.SuccessfulList?.[0]?.Id);
      t.equal((await reader.client.describeSessions({ SessionIds: [id] })).length, 1);
      await reader.client.deleteSessions([{ SessionId: id, Owner: 'reader' }]);
    }
  }
}

async function tokensElsewhere(t: Test, { brokers }: World): Promise<void> {
  const [one, ...others] = brokers as [RealBroker, ...RealBroker[]];
  const client = await createApiClient(one.connection);
  t.teardown(() => client.close());
  const { NextToken } = (await client.call('POST', '/describeSessions', { MaxResults: 1 })) as { readonly NextToken?: string };
  t.ok(NextToken);
  for (const { connection } of others) {
    await client.moveTo({ ...connection, clientPassword: 'not the right one' });
    const page = (await client.call('POST', '/describeSessions', { MaxResults: 1, NextToken })) as {
      readonly Sessions: readonly unknown[];
    };
    t.equal(page.Sessions.length, 1);
  }
}

async function hostsElsewhere(t: Test, { brokers }: World): Promise<void> {
  const ready = (await oneOf(brokers).client.describeSessions()).filter(({ State }) => State === 'READY');
  t.ok(ready.length > 0);
  const wish = ready.map(({ Id }) => ({ SessionId: Id }));
  for (const { client } of brokers) {
    const answer = (await client.call('POST', '/getSessionScreenshots', wish)) as { readonly SuccessfulList: readonly unknown[] };
    t.equal(answer.SuccessfulList.length, ready.length);
    await eventually(async () => (await client.describeServers()).every(({ Host }) => Host?.CpuLoadAverage));
  }
}

const oneOf = <T>(items: readonly T[]): T => items[Math.floor(fraction() * items.length)] as T;

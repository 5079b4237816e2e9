/**
 * A broker that is killed again and again while clients create and delete, and agents that are killed now and then. What was acknowledged is kept, nothing
 * runs twice, and no slot is left behind. Real processes, a real disk. `BERTH_KILLS=n` sets how often, `BERTH_SEED=n` the order of the blows.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemRandom } from '../adapters/system.ts';
import type { Session } from '../adapters/wire/sessions.ts';
import { createSeededFraction } from '../agent/seeded.ts';
import { AGENTS, runModule } from './helpers/berth-process.ts';
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
  spread,
} from './helpers/kill-checks.ts';
import { type Load, startLoad, type Told } from './helpers/kill-load.ts';
import { type RealBroker, type ServerFiles, startAgent, startBroker, writeServer } from './helpers/real-broker.ts';
import { SEED } from './helpers/seed.ts';
import { pause } from './helpers/until.ts';

const KILLS = Number(process.env['BERTH_KILLS'] ?? 60);
const fraction = createSeededFraction(SEED);

/** From the moment a broker is ready to its end. */
const LONGEST_LIFE_MS = 400;
/** Now and then a broker lives long enough for everything under way to come to its end. */
const CALM_MS = 2500;
const AGENTS_FACTOR = 10;

const failing = { latency_ms_min: 5, latency_ms_max: 80, failure_rate: 0.05 };
const SERVERS: readonly HostOptions[] = [
  { hostname: 'linux-0', maxVirtualSessions: 5, tags: { rack: '1' }, simulated: failing },
  { hostname: 'linux-1', maxVirtualSessions: 4, tags: { rack: '1' }, simulated: failing, maxSessionsPerUser: 2 },
  { hostname: 'linux-2', maxVirtualSessions: 3, tags: { rack: '2' }, simulated: failing },
  { hostname: 'windows-3', maxVirtualSessions: 0, tags: { rack: '1' }, simulated: failing, os: 'windows' },
  { hostname: 'windows-4', maxVirtualSessions: 0, tags: { rack: '2' }, simulated: failing, os: 'windows' },
  { hostname: 'linux-5', maxVirtualSessions: 4, tags: { rack: '2' }, simulated: failing },
];

interface World extends KillWorld {
  readonly broker: RealBroker;
  /** From the start of the process until the broker is ready. */
  readonly startsMs: number[];
}

/** For a slow machine; it takes a minute or two. */
t.setTimeout(900_000);

t.test(`${KILLS} kills lose nothing that was acknowledged (seed ${SEED})`, async (t) => {
  const world = await createWorld(t);
  const { broker, hosts, problems, startsMs } = world;
  const load = startLoad({
    client: () => broker.client,
    random: { uuid: systemRandom.uuid, fraction },
    serverIds: hosts.map(({ serverId }) => serverId),
  });
  const { told } = load;
  const began = performance.now();
  await killAgainAndAgain(world, load).finally(load.stop);
  t.comment(`${KILLS} kills in ${seconds(performance.now() - began)}; ready again after ${spread(startsMs)} ms`);
  t.comment(`${told.answers} calls answered, ${told.lost} lost; ${told.sessions.size} sessions acknowledged`);
  t.same(told.faults, [], 'every answer is a good one');
  t.same(problems.splice(0), [], 'after each start everything acknowledged is there, and no host holds what it must not');

  const settled = await settle(world, told);
  t.same(settled.problems, [], 'every session comes to READY or DELETED, and every slot is held by a live session');
  t.same(await missingSessions(world, told), [], 'every session that was acknowledged is known, with its history');
  t.same(await missingServers(world, told.servers), [], 'every opening and closing of a server that was acknowledged is in its history');

  const before = (await broker.client.describeSessions()).map(withoutServer);
  await rebuild(world);
  t.same((await broker.client.describeSessions()).map(withoutServer), before, 'read models built anew from the log say the same');
});

async function createWorld(t: Test): Promise<World> {
  const broker = await startBroker(t, { bare: true });
  const files = await Promise.all(SERVERS.map((server) => writeServer(broker, server)));
  const together = (some: readonly ServerFiles[]) => () =>
    runModule(t, AGENTS, [String(AGENTS_FACTOR), ...some.map(({ configFile }) => configFile)], { bare: true });
  const alone = (server: ServerFiles) => () => startAgent(t, server, { bare: true });
  const agents = [together(files.slice(0, 3)), together(files.slice(3, 5)), ...files.slice(5).map(alone)].map(agentProcess);
  const hosts = await hostsOf(broker.client, files, SERVERS);
  return { broker, client: () => broker.client, hosts, agents, seenOn: new Map(), problems: [], startsMs: [] };
}

async function killAgainAndAgain(world: World, { told }: Load): Promise<void> {
  const { broker, agents } = world;
  const checked: Told = { ...told, sessions: new Map() };
  for (let kills = 0; kills < KILLS; ) {
    await pause(kills % 12 === 6 ? CALM_MS : 1 + fraction() * LONGEST_LIFE_MS);
    if (fraction() < 0.15) await agents[Math.floor(fraction() * agents.length)]?.restart();
    await broker.kill();
    kills += 1;
    const started = performance.now();
    broker.spawn();
    if (fraction() < 0.2) {
      await pause(fraction() * 800);
      await broker.kill();
      kills += 1;
      broker.spawn();
      await broker.ready();
    } else {
      await broker.ready();
      world.startsMs.push(performance.now() - started);
    }
    await checkAcknowledged(world, told, checked);
    await checkHosts(world, told);
  }
}

/** Throws the read models away, as an operator may at any time. */
async function rebuild({ broker }: World): Promise<void> {
  await broker.kill();
  for (const suffix of ['', '-wal', '-shm']) await rm(join(broker.dataDir, `read-models.sqlite${suffix}`), { force: true });
  broker.spawn();
  await broker.ready();
  await eventually(async () => (await broker.client.describeSessions()).every(({ State }) => State !== 'UNKNOWN'));
}

const withoutServer = ({ Server: server, ...session }: Session) => ({ ...session, server: server?.Id });

/**
 * A broker that is killed again and again while clients create and delete, and agents that are killed now and then. What was acknowledged is kept, nothing
 * runs twice, and no slot is left behind. Real processes, a real disk. `BERTH_KILLS=n` sets how often, `BERTH_SEED=n` the order of the blows.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { systemRandom } from '../adapters/system.ts';
import type { Server } from '../adapters/wire/servers.ts';
import type { Session } from '../adapters/wire/sessions.ts';
import { createSeededFraction } from '../agent/seeded.ts';
import type { HistoryEntry } from './helpers/api-client.ts';
import { type BerthProcess, runModule } from './helpers/berth-process.ts';
import { type Load, startLoad, type Told, type ToldServer, type ToldSession } from './helpers/kill-load.ts';
import { type RealBroker, type ServerFiles, type ServerOptions, startAgent, startBroker, writeServer } from './helpers/real-broker.ts';
import { SEED } from './helpers/seed.ts';
import { pause } from './helpers/until.ts';

const KILLS = Number(process.env['BERTH_KILLS'] ?? 60);
const fraction = createSeededFraction(SEED);

/** From the moment a broker is ready to its end. */
const LONGEST_LIFE_MS = 400;
/** Now and then a broker lives long enough for everything under way to come to its end. */
const CALM_MS = 2500;
const AGENTS = fileURLToPath(new URL('./helpers/agents.js', import.meta.url));
const AGENTS_FACTOR = 10;
const SETTLE_MS = 60_000;

const failing = { latency_ms_min: 5, latency_ms_max: 80, failure_rate: 0.05 };
const SERVERS: readonly (ServerOptions & { readonly maxVirtualSessions: number })[] = [
  { hostname: 'linux-0', maxVirtualSessions: 5, tags: { rack: '1' }, simulated: failing },
  { hostname: 'linux-1', maxVirtualSessions: 4, tags: { rack: '1' }, simulated: failing, maxSessionsPerUser: 2 },
  { hostname: 'linux-2', maxVirtualSessions: 3, tags: { rack: '2' }, simulated: failing },
  { hostname: 'windows-3', maxVirtualSessions: 0, tags: { rack: '1' }, simulated: failing, os: 'windows' },
  { hostname: 'windows-4', maxVirtualSessions: 0, tags: { rack: '2' }, simulated: failing, os: 'windows' },
  { hostname: 'linux-5', maxVirtualSessions: 4, tags: { rack: '2' }, simulated: failing },
];

/** Some agents in a process. */
interface AgentProcess {
  restart(): Promise<void>;
}

interface Host extends ServerFiles {
  readonly serverId: string;
  readonly hostname: string;
  readonly maxVirtualSessions: number;
}

interface World {
  readonly broker: RealBroker;
  readonly hosts: readonly Host[];
  readonly agents: readonly AgentProcess[];
  /** Where each session was ever seen alive. */
  readonly seenOn: Map<string, Set<string>>;
  readonly problems: string[];
  /** From the start of the process until the broker is ready. */
  readonly startsMs: number[];
}

/** For a slow machine; it takes a minute or two. */
t.setTimeout(900_000);

t.test(`${KILLS} kills lose nothing that was acknowledged (seed ${SEED})`, async (t) => {
  const world = await createWorld(t);
  const { broker, hosts, problems, startsMs } = world;
  const load = startLoad({
    client: broker.client,
    random: { uuid: systemRandom.uuid, fraction },
    serverIds: hosts.map(({ serverId }) => serverId),
  });
  const { told } = load;
  const began = performance.now();
  await killAgainAndAgain(world, load);
  await load.stop();
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
  await eventually(async () => (await broker.client.describeServers()).filter(isAvailable).length === SERVERS.length);
  const hosts = await Promise.all(
    files.map(async (server, index) => ({ ...(SERVERS[index] as (typeof SERVERS)[number]), ...server, serverId: await server.id() })),
  );
  return { broker, hosts, agents, seenOn: new Map(), problems: [], startsMs: [] };
}

function agentProcess(run: () => BerthProcess): AgentProcess {
  let agents = run();
  return {
    async restart() {
      agents.child.kill('SIGKILL');
      await agents.ended;
      agents = run();
    },
  };
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

/** What was acknowledged since the last check. The clients go on meanwhile, so only what they knew before the question is asked. */
async function checkAcknowledged({ broker, problems }: World, told: Told, checked: Told): Promise<void> {
  const recent = [...told.sessions.values()].filter(
    (session) => checked.sessions.get(session.id)?.deleted !== session.deleted || !checked.sessions.has(session.id),
  );
  const expected = recent.map((session) => ({ ...session }));
  for (const session of expected) checked.sessions.set(session.id, session);
  if (expected.length === 0) return;
  const described = byId(await broker.client.describeSessions({ SessionIds: expected.map(({ id }) => id) }));
  for (const session of expected) {
    const now = described.get(session.id);
    if (now === undefined) problems.push(`${session.id} was acknowledged and is not described`);
    else problems.push(...contradictions(session, now));
  }
}

function contradictions({ id, name, owner, deleted }: ToldSession, now: Session): readonly string[] {
  const isSame = now.Name === name && now.Owner === owner;
  const isBack = deleted === 'ordinary' && (now.State === 'READY' || now.State === 'CREATING');
  return [
    ...(isSame ? [] : [`${id} is ${now.Name} of ${now.Owner}, not ${name} of ${owner}`]),
    ...(isBack ? [`${id} was deleted and is ${now.State}`] : []),
  ];
}

async function checkHosts({ hosts, seenOn, problems }: World, told: Told): Promise<void> {
  for (const { hostname, alive, maxVirtualSessions } of hosts) {
    const sessions = await alive();
    for (const { localId } of sessions) {
      const seen = seenOn.get(localId) ?? new Set();
      seenOn.set(localId, seen.add(hostname));
      if (seen.size > 1) problems.push(`${localId} was alive on ${[...seen].join(' and ')}`);
    }
    const virtual = sessions.filter(({ sessionType, localId }) => sessionType === 'VIRTUAL' && !told.forced.has(localId));
    if (virtual.length > maxVirtualSessions) problems.push(`${hostname} holds ${virtual.length} of ${maxVirtualSessions} virtual sessions`);
  }
}

/** Lets everything come to its end, and looks whether it did. Sessions that wait for room are given some. */
async function settle(world: World, told: Told): Promise<{ readonly problems: readonly string[] }> {
  const { broker, hosts } = world;
  await broker.client.openServers(hosts.map(({ serverId }) => ({ ServerId: serverId })));
  let problems: readonly string[] = [];
  await eventually(async () => {
    problems = await unsettled(world);
    if (problems.length > 0) await makeRoom(broker, told);
    return problems.length === 0;
  }).catch(() => undefined);
  await checkHosts(world, told);
  return { problems: [...problems, ...world.problems.splice(0)] };
}

async function makeRoom({ client }: RealBroker, told: Told): Promise<void> {
  const sessions = await client.describeSessions();
  if (!sessions.some(({ Substate }) => Substate === 'SESSION_PLACING')) return;
  const ready = sessions.filter(({ State }) => State === 'READY').slice(0, 3);
  await client.deleteSessions(ready.map(({ Id, Owner }) => ({ SessionId: String(Id), Owner: String(Owner) })));
  for (const { Id } of ready) {
    const session = told.sessions.get(String(Id));
    if (session !== undefined) session.deleted = 'ordinary';
  }
}

/** What is not as it should be in the end. */
async function unsettled({ broker, hosts }: World): Promise<readonly string[]> {
  const [sessions, servers] = await Promise.all([broker.client.describeSessions(), broker.client.describeServers()]);
  const ready = new Map(sessions.filter(({ State }) => State === 'READY').map((session) => [session.Id, session.Server?.Id]));
  const problems = sessions.flatMap(({ Id, State, StateReason }) => {
    if (State === 'READY' || (State === 'DELETED' && StateReason)) return [];
    return [`${Id} is ${State} (${StateReason})`];
  });
  for (const { hostname, serverId, alive } of hosts) {
    const live = await alive();
    for (const { localId } of live) {
      if (ready.get(localId) !== serverId) problems.push(`${localId} is alive on ${hostname} and ready on ${ready.get(localId)}`);
      ready.delete(localId);
    }
    const server = servers.find(({ Id }) => Id === serverId);
    const [console, virtual] = (['CONSOLE', 'VIRTUAL'] as const).map(
      (type) => live.filter(({ sessionType }) => sessionType === type).length,
    );
    if (server?.ConsoleSessionCount !== console || server?.VirtualSessionCount !== virtual) {
      const counted = `${server?.ConsoleSessionCount} and ${server?.VirtualSessionCount}`;
      problems.push(`${hostname} holds ${console} console and ${virtual} virtual sessions and counts ${counted}`);
    }
  }
  return [...problems, ...[...ready.keys()].map((id) => `${id} is READY and alive nowhere`)];
}

async function missingSessions({ broker: { client } }: World, told: Told): Promise<readonly string[]> {
  const described = byId(await client.describeSessions());
  const problems: string[] = [];
  await inParallel([...told.sessions.values()], async (session) => {
    const history = await client.sessionHistory(session.id).catch(() => []);
    const now = described.get(session.id);
    const isAdopted = history.some(({ Type }) => Type === 'session.adopted');
    if (now === undefined) problems.push(`${session.id} is not described`);
    else if (session.deleted !== 'forced' || !isAdopted) problems.push(...contradictions(session, now));
    problems.push(...untold(session, history));
  });
  return problems;
}

/** What was acknowledged and is not in the history. A session that had failed by itself was deleted without a further fact. */
function untold({ id, requestId, deleted, permitted }: ToldSession, history: readonly HistoryEntry[]): readonly string[] {
  const has = (type: string, request?: string) =>
    history.some(({ Type, RequestId }) => Type === type && (request === undefined || RequestId === request));
  const isOver = has('session.deletion-requested') || has('session.failed');
  return [
    ...(history[0]?.Type === 'session.requested' && has('session.requested', requestId) ? [] : [`${id} does not begin with its request`]),
    ...(deleted === undefined || isOver ? [] : [`${id} was deleted without a fact`]),
    ...permitted
      .filter((request) => !has('session.permissions-updated', request))
      .map((request) => `${id} does not have the permissions of request ${request}`),
  ];
}

async function missingServers({ broker: { client }, hosts }: World, told: readonly ToldServer[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { serverId, hostname } of hosts) {
    const facts = new Set((await client.serverHistory(serverId)).map(({ Type, RequestId }) => `${Type} ${RequestId}`));
    for (const { type, requestId, changed, serverId: id } of told) {
      if (id === serverId && changed && !facts.has(`${type} ${requestId}`))
        problems.push(`${hostname}: no ${type} for request ${requestId}`);
    }
  }
  return problems;
}

/** Throws the read models away, as an operator may at any time. */
async function rebuild({ broker }: World): Promise<void> {
  await broker.kill();
  for (const suffix of ['', '-wal', '-shm']) await rm(join(broker.dataDir, `read-models.sqlite${suffix}`), { force: true });
  broker.spawn();
  await broker.ready();
  await eventually(async () => (await broker.client.describeSessions()).every(({ State }) => State !== 'UNKNOWN'));
}

const isAvailable = ({ Availability }: Server): boolean => Availability === 'AVAILABLE';

const withoutServer = ({ Server: server, ...session }: Session) => ({ ...session, server: server?.Id });

const byId = (sessions: readonly Session[]): ReadonlyMap<string, Session> =>
  new Map(sessions.map((session) => [String(session.Id), session]));

async function eventually(look: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + SETTLE_MS;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`Not within ${seconds(SETTLE_MS)}.`);
    await pause(200);
  }
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const work = async (): Promise<void> => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await act(item);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  return [0, 0.5, 0.95, 1]
    .map((part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0))
    .join(' / ');
}

/** What must be true of brokers and hosts while they are killed, and when all has come to its end: nothing that was acknowledged is lost, nothing runs twice. */
import type { Server } from '../../adapters/wire/servers.ts';
import type { Session } from '../../adapters/wire/sessions.ts';
import type { ApiClient, HistoryEntry } from './api-client.ts';
import type { BerthProcess } from './berth-process.ts';
import type { Told, ToldServer, ToldSession } from './kill-load.ts';
import type { ServerFiles, ServerOptions } from './real-broker.ts';
import { pause } from './until.ts';

/** Some agents in a process. */
export interface AgentProcess {
  restart(): Promise<void>;
}

export type HostOptions = ServerOptions & { readonly maxVirtualSessions: number };

export interface Host extends ServerFiles {
  readonly serverId: string;
  readonly hostname: string;
  readonly maxVirtualSessions: number;
}

export interface KillWorld {
  /** Of a broker that is there. */
  client(): ApiClient;
  readonly hosts: readonly Host[];
  readonly agents: readonly AgentProcess[];
  /** Where each session was ever seen alive. */
  readonly seenOn: Map<string, Set<string>>;
  readonly problems: string[];
}

const SETTLE_MS = 60_000;

export function agentProcess(run: () => BerthProcess): AgentProcess {
  let agents = run();
  return {
    async restart() {
      agents.child.kill('SIGKILL');
      await agents.ended;
      agents = run();
    },
  };
}

/** Resolves when all agents have been heard of. */
export async function hostsOf(client: ApiClient, files: readonly ServerFiles[], options: readonly HostOptions[]): Promise<readonly Host[]> {
  await eventually(async () => (await client.describeServers()).filter(isAvailable).length === options.length);
  return Promise.all(files.map(async (server, index) => ({ ...(options[index] as HostOptions), ...server, serverId: await server.id() })));
}

/** What was acknowledged since the last check. The clients go on meanwhile, so only what they knew before the question is asked. */
export async function checkAcknowledged({ client, problems }: KillWorld, told: Told, checked: Told): Promise<void> {
  const recent = [...told.sessions.values()].filter(
    (session) => checked.sessions.get(session.id)?.deleted !== session.deleted || !checked.sessions.has(session.id),
  );
  const expected = recent.map((session) => ({ ...session }));
  for (const session of expected) checked.sessions.set(session.id, session);
  if (expected.length === 0) return;
  const described = byId(await client().describeSessions({ SessionIds: expected.map(({ id }) => id) }));
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

export async function checkHosts({ hosts, seenOn, problems }: KillWorld, told: Told): Promise<void> {
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
export async function settle(world: KillWorld, told: Told): Promise<{ readonly problems: readonly string[] }> {
  const { client, hosts } = world;
  await client().openServers(hosts.map(({ serverId }) => ({ ServerId: serverId })));
  let problems: readonly string[] = [];
  await eventually(async () => {
    problems = await unsettled(world);
    if (problems.length > 0) await makeRoom(world, told);
    return problems.length === 0;
  }).catch(() => undefined);
  await checkHosts(world, told);
  return { problems: [...problems, ...world.problems.splice(0)] };
}

async function makeRoom({ client }: KillWorld, told: Told): Promise<void> {
  const sessions = await client().describeSessions();
  if (!sessions.some(({ Substate }) => Substate === 'SESSION_PLACING')) return;
  const ready = sessions.filter(({ State }) => State === 'READY').slice(0, 3);
  await client().deleteSessions(ready.map(({ Id, Owner }) => ({ SessionId: String(Id), Owner: String(Owner) })));
  for (const { Id } of ready) {
    const session = told.sessions.get(String(Id));
    if (session !== undefined) session.deleted = 'ordinary';
  }
}

/** What is not as it should be in the end. */
async function unsettled({ client, hosts }: KillWorld): Promise<readonly string[]> {
  const [sessions, servers] = await Promise.all([client().describeSessions(), client().describeServers()]);
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

export async function missingSessions({ client }: KillWorld, told: Told): Promise<readonly string[]> {
  const described = byId(await client().describeSessions());
  const problems: string[] = [];
  await inParallel([...told.sessions.values()], async (session) => {
    const history = await client()
      .sessionHistory(session.id)
      .catch(() => []);
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

export async function missingServers({ client, hosts }: KillWorld, told: readonly ToldServer[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { serverId, hostname } of hosts) {
    const facts = new Set((await client().serverHistory(serverId)).map(({ Type, RequestId }) => `${Type} ${RequestId}`));
    for (const { type, requestId, changed, serverId: id } of told) {
      if (id === serverId && changed && !facts.has(`${type} ${requestId}`))
        problems.push(`${hostname}: no ${type} for request ${requestId}`);
    }
  }
  return problems;
}

const isAvailable = ({ Availability }: Server): boolean => Availability === 'AVAILABLE';

const byId = (sessions: readonly Session[]): ReadonlyMap<string, Session> =>
  new Map(sessions.map((session) => [String(session.Id), session]));

export async function eventually(look: () => Promise<boolean>): Promise<void> {
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

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((one, other) => one - other);
  return [0, 0.5, 0.95, 1]
    .map((part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0))
    .join(' / ');
}

/** Clients of brokers that die all the time: what they ask for at random, and what it acknowledged, which must be true for ever after. */
import type { Random } from '../../domain/ports/clock.ts';
import { type ApiClient, ApiError } from './api-client.ts';
import { pause } from './until.ts';

/** A session that a client was told of. */
export interface ToldSession {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  /** Of the createSessions that was acknowledged. */
  readonly requestId: string;
  /** Its deletion was acknowledged. */
  deleted?: 'ordinary' | 'forced';
  /** Requests that changed its permissions, acknowledged. */
  readonly permitted: string[];
}

/** A server that was opened or closed, acknowledged. `changed`: it was certainly the other before, so its history must say so. */
export interface ToldServer {
  readonly serverId: string;
  readonly requestId: string;
  readonly type: 'server.opened' | 'server.closed';
  readonly changed: boolean;
}

export interface Told {
  readonly sessions: Map<string, ToldSession>;
  readonly servers: ToldServer[];
  /** Sessions whose deletion by force was at least tried: their host may hold them for a while beyond its slots. */
  readonly forced: Set<string>;
  /** Answers of the broker other than 200, apart from 503. There should be none. */
  readonly faults: string[];
  answers: number;
  /** Calls without an answer. */
  lost: number;
}

export interface Load {
  readonly told: Told;
  /** Resolves when every client has ended its last call. */
  stop(): Promise<void>;
}

interface LoadPorts {
  /** For the next call: of the only broker, or of any of them. */
  readonly client: () => ApiClient;
  readonly random: Random;
  /** One for each client, which alone opens and closes it. */
  readonly serverIds: readonly string[];
}

/** Sessions that a client keeps before it rather deletes than creates. */
const ENOUGH = 4;
const LONGEST_PAUSE_MS = 40;
const AFTER_LOSS_MS = 100;

/** One client for each server. */
export function startLoad(ports: LoadPorts): Load {
  const told: Told = { sessions: new Map(), servers: [], forced: new Set(), faults: [], answers: 0, lost: 0 };
  const signal = { over: false };
  const clients = ports.serverIds.map((serverId, number) => runClient({ ...ports, told, serverId, owner: `owner-${number}` }, signal));
  return {
    told,
    async stop() {
      signal.over = true;
      await Promise.all(clients);
    },
  };
}

interface Client {
  readonly client: () => ApiClient;
  readonly random: Random;
  readonly told: Told;
  readonly serverId: string;
  readonly owner: string;
}

/** What a client remembers between two calls. */
interface Memory {
  /** Not deleted yet, as far as it knows. */
  mine: { readonly id: string }[];
  /** A create call had no answer, so there may be sessions that it does not know. */
  isUnsure: boolean;
  server: 'open' | 'closed' | 'unsure';
  names: number;
}

async function runClient(client: Client, signal: { readonly over: boolean }): Promise<void> {
  const memory: Memory = { mine: [], isUnsure: false, server: 'open', names: 0 };
  while (!signal.over) {
    try {
      await nextCall(client, memory);
      client.told.answers += 1;
    } catch (error) {
      if (!(error instanceof ApiError)) client.told.lost += 1;
      else if (error.status !== 503) client.told.faults.push(error.message);
      await pause(AFTER_LOSS_MS);
    }
    await pause(client.random.fraction() * LONGEST_PAUSE_MS);
  }
}

function nextCall(client: Client, memory: Memory): Promise<void> {
  const dice = client.random.fraction();
  if (dice < 0.08) return toggleServer(client, memory);
  if (dice < 0.2) return permit(client, memory);
  if (memory.isUnsure) return lookForMine(client, memory);
  return client.random.fraction() * 2 * ENOUGH < memory.mine.length ? remove(client, memory) : create(client, memory);
}

async function create({ client, random, told, owner }: Client, memory: Memory): Promise<void> {
  const items = Array.from({ length: 1 + Math.floor(random.fraction() * 4) }, () => {
    memory.names += 1;
    return {
      Name: `${owner}-${memory.names}`,
      Owner: owner,
      Type: random.fraction() < 0.2 ? 'CONSOLE' : 'VIRTUAL',
      EnqueueRequest: random.fraction() < 0.5,
      DisableRetryOnFailure: random.fraction() < 0.2,
      ...(random.fraction() < 0.2 && { Requirements: "tag:rack = '1'" }),
    };
  });
  memory.isUnsure = true;
  const answer = await client().createSessions(items);
  memory.isUnsure = false;
  for (const { Id: id, Name: name } of answer.SuccessfulList ?? []) {
    const session = { id: String(id), name: String(name), owner, requestId: String(answer.RequestId), permitted: [] };
    told.sessions.set(session.id, session);
    memory.mine.push(session);
  }
}

async function lookForMine({ client, owner }: Client, memory: Memory): Promise<void> {
  const found = await client().describeSessions({ Filters: [{ Key: 'owner', Value: owner }] });
  memory.mine = found.filter(({ State }) => State !== 'DELETED' && State !== 'DELETING').map(({ Id }) => ({ id: String(Id) }));
  memory.isUnsure = false;
}

async function remove({ client, random, told, owner }: Client, memory: Memory): Promise<void> {
  const chosen = memory.mine.filter(() => random.fraction() < 0.5);
  const force = random.fraction() < 0.05;
  if (chosen.length === 0) return;
  if (force) for (const { id } of chosen) told.forced.add(id);
  const answer = await client().deleteSessions(chosen.map(({ id }) => ({ SessionId: id, Owner: owner, Force: force })));
  for (const { SessionId: id } of answer.SuccessfulList ?? []) {
    const session = told.sessions.get(String(id));
    if (session !== undefined) session.deleted = force ? 'forced' : 'ordinary';
  }
  memory.mine = memory.mine.filter((session) => !chosen.includes(session));
}

async function permit({ client, random, told, owner }: Client, memory: Memory): Promise<void> {
  const [session] = memory.mine.filter(() => random.fraction() < 0.5);
  if (session === undefined) return;
  const file = Buffer.from(`[permissions]\n%owner% allow builtin\n; ${random.uuid()}\n`).toString('base64');
  const answer = await client().updateSessionPermissions([{ SessionId: session.id, Owner: owner, PermissionsFile: file }]);
  for (const { SessionId: id } of answer.SuccessfulList ?? []) told.sessions.get(String(id))?.permitted.push(String(answer.RequestId));
}

async function toggleServer({ client, told, serverId }: Client, memory: Memory): Promise<void> {
  const before = memory.server;
  const isClosing = before === 'open';
  memory.server = 'unsure';
  const items = [{ ServerId: serverId, Force: true }];
  const answer = isClosing ? await client().closeServers(items) : await client().openServers([{ ServerId: serverId }]);
  if (answer.SuccessfulList?.length !== 1) throw new ApiError('closeServers or openServers', 200, JSON.stringify(answer));
  memory.server = isClosing ? 'closed' : 'open';
  const type = isClosing ? 'server.closed' : 'server.opened';
  told.servers.push({ serverId, requestId: String(answer.RequestId), type, changed: before !== 'unsure' });
}

/** Writes the log of a large fleet: what thousands of servers and their sessions leave behind, straight through the port of the log. */
import { createHash, randomUUID } from 'node:crypto';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { type NewFact, NO_STREAM, type Statement } from '../domain/facts.ts';
import { factId, requestId, type ServerId, type SessionId, serverId, sessionId, streamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { ServerEvent } from '../domain/server/events.ts';
import type { SessionEvent } from '../domain/session/events.ts';
import { versionOf } from '../domain/shapes.ts';
import { description } from './placement.ts';

export interface FleetSize {
  readonly servers: number;
  /** READY. */
  readonly sessions: number;
  /** Sessions that came and went before. */
  readonly former?: number;
}

/** Servers that are written at the same time, with their sessions: enough for large commits, and less than may wait. */
const AT_ONCE = 50;

/** The id of session `number`: as scattered as real ones, and the same in every process. */
export function sessionIdOf(number: number): SessionId {
  const hex = createHash('md5').update(String(number)).digest('hex');
  return sessionId(`${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`);
}

/** Sessions are spread evenly. The number of facts. */
export async function writeFleetLog(file: string, size: FleetSize): Promise<number> {
  const log = await openSqliteEventLog(file);
  const facts = await writeFleet(log, size);
  await log.close();
  return facts;
}

/** The same into any log. */
export async function writeFleet(log: EventLog, { servers, sessions, former = 0 }: FleetSize): Promise<number> {
  let facts = 0;
  for (let first = 0; first < servers; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, servers - first) }, (_, index) => first + index);
    const written = numbers.map(async (number) => {
      const gone = ownedBy(number, servers, former).map((session) => sessions + session);
      return writeServer(log, number, { gone, living: ownedBy(number, servers, sessions) });
    });
    facts += (await Promise.all(written)).reduce((sum, count) => sum + count, 0);
  }
  return facts;
}

function ownedBy(server: number, servers: number, sessions: number): readonly number[] {
  return Array.from({ length: Math.max(0, Math.ceil((sessions - server) / servers)) }, (_, round) => round * servers + server);
}

interface Owned {
  readonly gone: readonly number[];
  readonly living: readonly number[];
}

async function writeServer(log: EventLog, number: number, { gone, living }: Owned): Promise<number> {
  const id = serverId(`server-${number}`);
  const former = gone.flatMap((session): ServerEvent[] => {
    return [slotOf(session), { type: 'server.slot-released', data: { sessionId: sessionIdOf(session) } }];
  });
  const registered: ServerEvent = { type: 'server.registered', data: { agentClientId: randomUUID(), broker: null } };
  const described: ServerEvent = { type: 'server.described', data: { ...description(number), maxVirtualSessions: -1 } };
  const stream = streamName('server', id);
  const own = [registered, described, ...former, ...living.map(slotOf)].map(asFact);
  const lives = [
    ...gone.map((session) => [session, [...lifeOf(session, id), ...END]] as const),
    ...living.map((session) => [session, lifeOf(session, id)] as const),
  ];
  const appends = lives.map(([session, life]) => log.append(streamName('session', sessionIdOf(session)), NO_STREAM, life.map(asFact)));
  await Promise.all([log.append(stream, NO_STREAM, own), ...appends]);
  return lives.reduce((sum, [, life]) => sum + life.length, own.length);
}

const slotOf = (session: number): ServerEvent => {
  return {
    type: 'server.slot-reserved',
    data: { sessionId: sessionIdOf(session), sessionType: 'VIRTUAL', owner: ownerOf(session), attempt: 1 },
  };
};

const END: readonly SessionEvent[] = [
  { type: 'session.connections-changed', data: { count: 1 } },
  { type: 'session.deletion-requested', data: { force: false } },
  { type: 'session.deleted', data: { reason: 'Closed on order.' } },
];

function lifeOf(session: number, server: ServerId): readonly SessionEvent[] {
  const spec = { name: `desk-${session}`, owner: ownerOf(session), sessionType: 'VIRTUAL', enqueue: false, retry: true } as const;
  return [
    { type: 'session.requested', data: spec },
    { type: 'session.placed', data: { serverId: server, attempt: 1, choice: null } },
    { type: 'session.started', data: { attempt: 1 } },
  ];
}

const ownerOf = (session: number): string => `user${session % 5_000}`;

function asFact(event: Statement): NewFact {
  const origin = { cause: { kind: 'client', id: 'bench' }, requestId: requestId(randomUUID()) } as const;
  return { ...event, ...origin, id: factId(randomUUID()), schemaVersion: versionOf(event.type), time: Date.now() };
}

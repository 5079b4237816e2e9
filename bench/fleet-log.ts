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
  readonly sessions: number;
}

/** Servers that are written at the same time, with their sessions: enough for large commits, and less than may wait. */
const AT_ONCE = 50;

/** The id of session `number`: as scattered as real ones, and the same in every process. */
export function sessionIdOf(number: number): SessionId {
  const hex = createHash('md5').update(String(number)).digest('hex');
  return sessionId(`${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`);
}

/** Every session READY, spread evenly. The number of facts. */
export async function writeFleetLog(file: string, size: FleetSize): Promise<number> {
  const log = await openSqliteEventLog(file);
  const facts = await writeFleet(log, size);
  await log.close();
  return facts;
}

/** The same into any log. */
export async function writeFleet(log: EventLog, { servers, sessions }: FleetSize): Promise<number> {
  let facts = 0;
  for (let first = 0; first < servers; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, servers - first) }, (_, index) => first + index);
    const written = numbers.map((number) => writeServer(log, number, ownedBy(number, { servers, sessions })));
    facts += (await Promise.all(written)).reduce((sum, count) => sum + count, 0);
  }
  return facts;
}

function ownedBy(server: number, { servers, sessions }: FleetSize): readonly number[] {
  return Array.from({ length: Math.ceil((sessions - server) / servers) }, (_, round) => round * servers + server);
}

async function writeServer(log: EventLog, number: number, sessions: readonly number[]): Promise<number> {
  const id = serverId(`server-${number}`);
  const slots = sessions.map((session): ServerEvent => {
    return {
      type: 'server.slot-reserved',
      data: { sessionId: sessionIdOf(session), sessionType: 'VIRTUAL', owner: ownerOf(session), attempt: 1 },
    };
  });
  const registered: ServerEvent = { type: 'server.registered', data: { agentClientId: randomUUID(), broker: null } };
  const described: ServerEvent = { type: 'server.described', data: { ...description(number), maxVirtualSessions: -1 } };
  const stream = streamName('server', id);
  const own = [registered, described, ...slots].map(asFact);
  const appends = sessions.map((session) => log.append(streamName('session', sessionIdOf(session)), NO_STREAM, lifeOf(session, id)));
  await Promise.all([log.append(stream, NO_STREAM, own), ...appends]);
  return own.length + 3 * sessions.length;
}

function lifeOf(session: number, server: ServerId): readonly NewFact[] {
  const spec = { name: `desk-${session}`, owner: ownerOf(session), sessionType: 'VIRTUAL', enqueue: false, retry: true } as const;
  const events: readonly SessionEvent[] = [
    { type: 'session.requested', data: spec },
    { type: 'session.placed', data: { serverId: server, attempt: 1, choice: null } },
    { type: 'session.started', data: { attempt: 1 } },
  ];
  return events.map(asFact);
}

const ownerOf = (session: number): string => `user${session % 5_000}`;

function asFact(event: Statement): NewFact {
  const origin = { cause: { kind: 'client', id: 'bench' }, requestId: requestId(randomUUID()) } as const;
  return { ...event, ...origin, id: factId(randomUUID()), schemaVersion: versionOf(event.type), time: Date.now() };
}

/** Facts of servers as the log gives them back, and fleets that are made of them. */
import type { RecordedFact } from '../../domain/facts.ts';
import { factId, type ServerId, serverId, sessionId, streamName } from '../../domain/ids.ts';
import { createFleet, type Fleet } from '../../domain/placement/fleet.ts';
import type { ServerDescription, ServerEvent } from '../../domain/server/events.ts';
import type { SessionType } from '../../domain/session/events.ts';
import { description, ORIGIN } from './samples.ts';

export interface FactsOfServers {
  /** The next fact of a server's stream. */
  of(id: string, event: ServerEvent): RecordedFact<ServerEvent>;
}

export function createFactsOfServers(): FactsOfServers {
  const revisions = new Map<string, number>();
  let position = 0;
  return {
    of(id, event) {
      const revision = (revisions.get(id) ?? -1) + 1;
      revisions.set(id, revision);
      position += 1;
      const stream = streamName('server', id);
      return { ...event, ...ORIGIN, id: factId(`fact-${position}`), schemaVersion: 1, time: position, stream, revision, position };
    },
  };
}

/** A fleet, and a hand that tells it what happens. */
export interface TestFleet {
  readonly fleet: Fleet;
  /** Registers and describes a server. */
  add(id: string, changes?: Partial<ServerDescription>): ServerId;
  tell(id: string, event: ServerEvent): RecordedFact<ServerEvent>;
  reserve(id: string, session: string, sessionType?: SessionType, owner?: string): RecordedFact<ServerEvent>;
}

export function createTestFleet(): TestFleet {
  const fleet = createFleet();
  const facts = createFactsOfServers();
  const tell = (id: string, event: ServerEvent): RecordedFact<ServerEvent> => {
    const fact = facts.of(id, event);
    fleet.apply(fact);
    return fact;
  };
  return {
    fleet,
    tell,
    add(id, changes) {
      tell(id, { type: 'server.registered', data: { agentClientId: 'agent', broker: null } });
      tell(id, { type: 'server.described', data: description(changes) });
      return serverId(id);
    },
    reserve: (id, session, sessionType = 'VIRTUAL', owner = 'ann') =>
      tell(id, { type: 'server.slot-reserved', data: { sessionId: sessionId(session), sessionType, owner, attempt: 1 } }),
  };
}

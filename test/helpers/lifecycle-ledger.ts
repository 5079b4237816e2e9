/**
 * The log as an auditor reads it: facts one after the other into plain tables, with the rules of who may be where written down a second time. Knows no
 * machine, no decision and no process of the broker.
 */
import type { RecordedFact } from '../../domain/facts.ts';
import { streamId } from '../../domain/ids.ts';
import type { ServerEvent } from '../../domain/server/events.ts';
import type { SessionEvent, SessionType } from '../../domain/session/events.ts';

export interface SessionAccount {
  readonly id: string;
  owner: string;
  state: 'placing' | 'placed' | 'ready' | 'deleting' | 'over' | 'refused';
  /** Where it is, or was last. */
  serverId: string | undefined;
  /** Asked for by a client, not found on a host. */
  readonly isOurs: boolean;
  /** Its id on its host. */
  readonly localId: string;
  /** Servers on which it may still be alive although it should not: nobody there could be asked. */
  readonly givenUp: Set<string>;
  reason: string;
  permissionsFile: string | undefined;
}

export interface ServerAccount {
  readonly id: string;
  isOpen: boolean;
  osFamily: string;
  most: number;
  mostPerOwner: number;
  readonly slots: Map<string, { readonly sessionType: SessionType; readonly owner: string }>;
}

export interface Ledger {
  readonly sessions: ReadonlyMap<string, SessionAccount>;
  readonly servers: ReadonlyMap<string, ServerAccount>;
  /** Reads the next fact; gives what is wrong with it. */
  read(fact: RecordedFact): string | undefined;
}

type Fact<E extends SessionEvent | ServerEvent> = E & Pick<RecordedFact, 'cause'>;
type FactOf<T extends SessionEvent['type']> = Extract<SessionEvent, { type: T }>;

export function createLedger(): Ledger {
  const sessions = new Map<string, SessionAccount>();
  const servers = new Map<string, ServerAccount>();

  function readServer(id: string, fact: ServerEvent): string | undefined {
    const server = servers.get(id) ?? newServer(id);
    servers.set(id, server);
    if (fact.type === 'server.slot-reserved') {
      const { sessionId, sessionType, owner, attempt } = fact.data;
      const wrong = attempt > 0 ? whyNot(server, sessionType, owner) : undefined;
      server.slots.set(sessionId, { sessionType, owner });
      return wrong && `${id} gave ${sessionId} (${sessionType}) a slot although ${wrong}`;
    }
    const wrong = fact.type === 'server.closed' && !fact.data.force && server.slots.size > 0;
    keep(server, fact);
    return wrong ? `${id} was closed without force with ${server.slots.size} sessions on it` : undefined;
  }

  function readSession(id: string, fact: Fact<SessionEvent>): string | undefined {
    if (fact.type === 'session.requested' || fact.type === 'session.refused' || fact.type === 'session.adopted') {
      sessions.set(id, arrival(id, fact, sessions.get(id)));
      return undefined;
    }
    const session = sessions.get(id);
    if (session === undefined) return `${fact.type} of ${id}, which is unknown`;
    follow(session, fact);
    if (fact.type !== 'session.placed' || servers.get(fact.data.serverId)?.slots.has(id)) return undefined;
    return `${id} was placed on ${fact.data.serverId} without a slot`;
  }

  return {
    sessions,
    servers,
    read(fact) {
      const id = streamId(fact.stream);
      if (fact.type.startsWith('server.')) return readServer(id, fact as unknown as ServerEvent);
      if (fact.type.startsWith('session.')) return readSession(id, fact as unknown as Fact<SessionEvent>);
      return undefined;
    },
  };
}

const newServer = (id: string): ServerAccount => ({ id, isOpen: true, osFamily: '', most: 0, mostPerOwner: -1, slots: new Map() });

/** The rules of the administrator's guide: Windows holds one console session, Linux one console session or several virtual ones. */
function whyNot(
  { isOpen, osFamily, most, mostPerOwner, slots }: ServerAccount,
  sessionType: SessionType,
  owner: string,
): string | undefined {
  const held = [...slots.values()];
  if (!isOpen) return 'it is closed';
  if (mostPerOwner >= 0 && held.filter((slot) => slot.owner === owner).length >= mostPerOwner) return `${owner} has ${mostPerOwner} there`;
  if (sessionType === 'CONSOLE') return held.length > 0 ? 'somebody is there' : undefined;
  if (osFamily !== 'linux') return 'it is no Linux';
  if (held.some((slot) => slot.sessionType === 'CONSOLE')) return 'its console is taken';
  return most >= 0 && held.length >= most ? `it is full with ${held.length}` : undefined;
}

function keep(server: ServerAccount, fact: ServerEvent): void {
  if (fact.type === 'server.described') {
    server.osFamily = fact.data.os.family;
    server.most = fact.data.maxVirtualSessions;
    server.mostPerOwner = fact.data.maxSessionsPerOwner;
  } else if (fact.type === 'server.opened' || fact.type === 'server.closed') {
    server.isOpen = fact.type === 'server.opened';
  } else if (fact.type === 'server.slot-released') {
    server.slots.delete(fact.data.sessionId);
  } else if (fact.type === 'server.removed') {
    server.slots.clear();
  }
}

function arrival(
  id: string,
  { type, data }: FactOf<'session.requested' | 'session.refused' | 'session.adopted'>,
  before: SessionAccount | undefined,
): SessionAccount {
  return {
    id,
    owner: data.owner,
    state: type === 'session.requested' ? 'placing' : type === 'session.refused' ? 'refused' : 'ready',
    serverId: type === 'session.adopted' ? data.serverId : undefined,
    isOurs: before?.isOurs ?? type !== 'session.adopted',
    localId: type === 'session.adopted' ? data.localId : id,
    givenUp: before?.givenUp ?? new Set(),
    reason: type === 'session.refused' ? data.reason : '',
    permissionsFile: data.permissionsFile,
  };
}

const BY_FORCE = 'by force';
/** What a host says that does not know what became of a session. */
export const OUT_OF_ORDER = 'dcvserver is not running';
/** Who ends what has waited too long: on its day, or after a restart. */
const GIVES_UP: ReadonlySet<string> = new Set(['deadlines', 'recovery']);

/** Who gives a session up without its host saying so leaves it alive there for a while. */
function follow(session: SessionAccount, fact: Fact<SessionEvent>): void {
  const isHostUnasked =
    GIVES_UP.has(fact.cause.id) || session.reason === BY_FORCE || ('reason' in fact.data && fact.data.reason === OUT_OF_ORDER);
  switch (fact.type) {
    case 'session.placed':
      session.state = 'placed';
      session.serverId = fact.data.serverId;
      break;
    case 'session.started':
      session.state = 'ready';
      break;
    case 'session.failed':
    case 'session.deleted':
      if (session.serverId !== undefined && isHostUnasked) session.givenUp.add(session.serverId);
      session.state = fact.type === 'session.failed' && fact.data.retrying ? 'placing' : 'over';
      session.reason = fact.data.reason;
      break;
    case 'session.deletion-requested':
      session.state = 'deleting';
      session.reason = fact.data.force ? BY_FORCE : '';
      break;
    case 'session.permissions-updated':
      session.permissionsFile = fact.data.permissionsFile;
  }
}

/**
 * A process turns facts into effects. It hears every fact in log order from the moment the broker has recovered; what was under way
 * before that it is told by `resume`, from the read models. Effects may come twice and are harmless then, because actors decide.
 */
import type { AccessEvent } from '../access/events.ts';
import type { AuthServerEvent } from '../auth-server/events.ts';
import type { BrokerEvent } from '../broker/events.ts';
import type { DnsEvent } from '../dns/events.ts';
import type { RecordedFact } from '../facts.ts';
import { type BrokerId, brokerId, type ServerId, type SessionId, serverId, sessionId } from '../ids.ts';
import type { Deliver } from '../ports/event-log.ts';
import type { ServerEvent } from '../server/events.ts';
import type { SessionEvent } from '../session/events.ts';

export type SessionFact = RecordedFact<SessionEvent>;
export type ServerFact = RecordedFact<ServerEvent>;

export type AccessFact = RecordedFact<AccessEvent>;

export type BrokerFact = RecordedFact<BrokerEvent>;

export type AuthServerFact = RecordedFact<AuthServerEvent>;

export type DnsFact = RecordedFact<DnsEvent>;

export interface Process {
  session?(id: SessionId, fact: SessionFact): void;
  server?(id: ServerId, fact: ServerFact): void;
  /** `id` is that of the credential. */
  access?(id: string, fact: AccessFact): void;
  broker?(id: BrokerId, fact: BrokerFact): void;
  dns?(fact: DnsFact): void;
  /** `id` is the hash of its URL. */
  authServer?(id: string, fact: AuthServerFact): void;
}

/** A session whose work was not done when the broker stopped. */
export interface PendingSession {
  readonly sessionId: SessionId;
  /** Absent: it waits for a server. */
  readonly serverId?: ServerId | undefined;
  readonly state: 'CREATING' | 'DELETING';
  /** When it came into this state, or was placed: milliseconds since 1970 (UTC). */
  readonly stateTime: number;
  readonly attempt: number;
}

/** Hands each fact to each process, in the order in which they are given. Others may be added between two facts, and taken away. */
export function follow(processes: readonly Process[], heard: (fact: RecordedFact) => void): Deliver {
  return (facts) => {
    for (const fact of facts) {
      deliver(processes, fact);
      heard(fact);
    }
    return Promise.resolve();
  };
}

const CREDENTIALS: ReadonlySet<string> = new Set(['api-client', 'software-statement', 'agent-client']);

/** What stands before the dot of a type is the category of its stream. Facts of other categories have no effects. */
function deliver(processes: readonly Process[], fact: RecordedFact): void {
  const category = fact.type.slice(0, fact.type.indexOf('.'));
  const id = fact.stream.slice(category.length + 1);
  for (const process of processes) {
    if (category === 'session') process.session?.(sessionId(id), fact as SessionFact);
    else if (category === 'server') process.server?.(serverId(id), fact as ServerFact);
    else if (category === 'broker') process.broker?.(brokerId(id), fact as BrokerFact);
    else if (category === 'dns-mappings') process.dns?.(fact as DnsFact);
    else if (category === 'auth-server') process.authServer?.(id, fact as AuthServerFact);
    else if (CREDENTIALS.has(category)) process.access?.(id, fact as AccessFact);
  }
}

/** The broker's own hand in what happens next, for the same request. */
export const causedBy = (process: string, { requestId }: Pick<RecordedFact, 'requestId'>) =>
  ({ cause: { kind: 'broker', id: process }, requestId }) as const;

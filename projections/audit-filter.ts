/**
 * What auditors ask for, and whether a fact is part of it. The read model answers from indexes (audit-queries.ts); here the same is told fact by
 * fact, for whoever reads the log itself from its start.
 */
import type { Login, RefusedAttempt } from '../domain/attempt/events.ts';
import type { RecordedFact } from '../domain/facts.ts';

/** Each part that is given has to be met. */
export interface AuditFilter {
  /** The id of a session, server or credential, or the name of a stream; also logins to it and attempts at it that were refused. */
  readonly actor?: string | undefined;
  /** The id of an API client that caused it, or in whose name it was attempted. */
  readonly client?: string | undefined;
  /** All that happened to sessions that were this owner's, and attempts that were refused for which this owner was named. */
  readonly owner?: string | undefined;
  /** A type, or with a dot at its end the beginning of types: `session.deleted`, `session.` */
  readonly type?: string | undefined;
  /** From then on, and before then: milliseconds since 1970 (UTC). */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly requestId?: string | undefined;
}

/** What a fact can be found by besides what stands in its envelope. */
export interface Keys {
  readonly client: string | null;
  readonly owner: string | null;
  readonly target: string | null;
}

export function keysOf({ type, cause, data }: Pick<RecordedFact, 'type' | 'cause' | 'data'>): Keys {
  const attempt: Partial<RefusedAttempt & Login> = type === 'attempt.refused' || type === 'login.accepted' ? data : {};
  const owned: Partial<RefusedAttempt> = type.startsWith('session.') ? data : attempt;
  return {
    client: cause.kind === 'client' ? cause.id : (attempt.claimedClient ?? null),
    owner: owned.owner ?? null,
    target: attempt.target ?? null,
  };
}

const CATEGORIES = ['session', 'server', 'api-client', 'agent-client', 'software-statement'];

/** The streams that an actor may be meant by. */
export const streamsOf = (actor: string): readonly string[] => [actor, ...CATEGORIES.map((category) => `${category}-${actor}`)];

/**
 * Whether a fact is asked for; to be called with every fact of the log in order, because only the first ones of a session name its owner.
 * Keeps the names of the owner's sessions that are not over.
 */
export function createAuditFilter(filter: AuditFilter): (fact: RecordedFact) => boolean {
  const owned = createOwned(filter.owner);
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
  const streams = filter.actor === undefined ? undefined : streamsOf(filter.actor);
  return (fact) => {
    const keys = keysOf(fact);
    const isOwned = owned(fact, keys);
    return (
      isOwned &&
      fact.time >= from &&
      fact.time < to &&
      (filter.requestId === undefined || fact.requestId === filter.requestId) &&
      (filter.client === undefined || keys.client === filter.client) &&
      (filter.type === undefined || isOfType(fact.type, filter.type)) &&
      (streams === undefined || streams.includes(fact.stream) || streams.includes(keys.target ?? ''))
    );
  };
}

const isOfType = (type: string, wanted: string): boolean => (wanted.endsWith('.') ? type.startsWith(wanted) : type === wanted);

function createOwned(owner: string | undefined): (fact: RecordedFact, keys: Keys) => boolean {
  if (owner === undefined) return () => true;
  const sessions = new Set<string>();
  return (fact, keys) => {
    if (!fact.type.startsWith('session.')) return keys.owner === owner;
    if (keys.owner === owner) sessions.add(fact.stream);
    const isOwned = sessions.has(fact.stream);
    if (endsSession(fact)) sessions.delete(fact.stream);
    return isOwned;
  };
}

/** What may follow names the owner again. */
const endsSession = ({ type, data }: RecordedFact): boolean =>
  type === 'session.deleted' || type === 'session.refused' || (type === 'session.failed' && 'retrying' in data && !data.retrying);

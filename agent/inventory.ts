/**
 * The sessions that are alive on the host, compared with those that were: each difference becomes a report. A session that an order is
 * working on is left alone until the order is done.
 */
import { sessionId } from '../domain/ids.ts';
import type { FoundSession } from '../domain/ports/agent-link.ts';
import type { DriverSession } from './drivers/driver.ts';
import type { Entry, Journal } from './journal.ts';
import type { Outbox } from './outbox.ts';
import { createSessionNews } from './session-news.ts';

/** Ends a hold: the session is there now, is gone now, or is what it was before. */
export type Release = (outcome: Entry | 'gone' | 'as it was') => void;

export interface Inventory {
  /** What happens to this session is the business of an order from now on. One hold at a time for one session. */
  hold(localId: string): Release;
  /** To be called before the host is asked for its sessions; the answer goes with them to `seen`. */
  beforeLook(): number;
  /** All that were listed. Never rejects. */
  seen(sessions: readonly DriverSession[], look: number): Promise<void>;
  /** Alive, as last seen. */
  sessions(): readonly FoundSession[];
}

interface Known {
  readonly session: FoundSession;
  /** When an order made it or a look found it, in ticks. */
  readonly since: number;
}

/** What the broker takes as an id. Sessions with other names can exist on a host, but nobody could ask for them. */
const LEGAL_ID = /^[A-Za-z0-9._-]{1,100}$/;

export function createInventory(journal: Journal, outbox: Outbox): Inventory {
  const news = createSessionNews(journal, outbox);
  const known = new Map<string, Known>();
  const held = new Set<string>();
  /** Sessions that an order closed, and when: a list that was asked for before may still name them. */
  const closed = new Map<string, number>();
  /** Counts looks and the ends of orders, so that it is known which came first. */
  let tick = 0;
  let first = true;

  for (const entry of journal.inPhase('started')) known.set(entry.sessionId, { session: fromEntry(entry), since: tick });

  async function isThere(session: DriverSession, look: number): Promise<void> {
    const before = known.get(session.localId);
    if (before === undefined && (closed.get(session.localId) ?? 0) > look) return;
    const now = fromList(session, journal.find(sessionId(session.localId)));
    known.set(session.localId, { session: now, since: before?.since ?? look });
    if (before !== undefined && !isAnother(before.session, now)) return news.stillThere(before.session, now);
    if (before !== undefined) await news.ended(before.session);
    await news.found(now, first);
  }

  async function isGone({ session }: Known): Promise<void> {
    known.delete(session.localId);
    await news.ended(session);
  }

  return {
    hold(localId) {
      held.add(localId);
      return (outcome) => {
        held.delete(localId);
        if (outcome === 'as it was') return;
        tick += 1;
        if (outcome === 'gone') {
          known.delete(localId);
          closed.set(localId, tick);
        } else {
          known.set(localId, { session: fromEntry(outcome), since: tick });
        }
      };
    },
    beforeLook() {
      tick += 1;
      return tick;
    },
    async seen(listed, look) {
      const legal = listed.filter(({ localId }) => LEGAL_ID.test(localId));
      for (const session of legal) if (!held.has(session.localId)) await isThere(session, look);
      const present = new Set(legal.map(({ localId }) => localId));
      const missing = [...known].filter(([localId, { since }]) => !present.has(localId) && since < look);
      for (const [localId, each] of missing) if (!held.has(localId)) await isGone(each);
      first = false;
      for (const [localId, since] of closed) if (since < look) closed.delete(localId);
    },
    sessions: () => [...known.values()].map(({ session }) => session),
  };
}

/** Somebody closed it and made another of its name. Of a session that we made the DCV server may give another time than the journal. */
const isAnother = (before: FoundSession, now: FoundSession): boolean =>
  before.attempt === 0 && now.attempt === 0 && before.creationTime !== now.creationTime;

function fromEntry({ sessionId: id, attempt, spec, creationTime }: Entry): FoundSession {
  return { sessionId: id, localId: id, attempt, spec, creationTime, connections: 0 };
}

/** The spec is the ordered one where there is one; a session made by hand is known by what its host lists. */
function fromList(session: DriverSession, entry: Entry | undefined): FoundSession {
  const { localId, name, owner, sessionType, storageRoot, creationTime, connections, lastDisconnectionTime } = session;
  return {
    sessionId: sessionId(localId),
    localId,
    attempt: entry?.attempt ?? 0,
    spec: entry?.spec ?? { name: name.slice(0, 256), owner: owner.slice(0, 256), sessionType, storageRoot },
    creationTime,
    connections,
    lastDisconnectionTime,
  };
}

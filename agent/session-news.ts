/** What the broker is told when a look at the host shows a session that came, changed or went without an order. */
import type { FoundSession } from '../domain/ports/agent-link.ts';
import type { Journal } from './journal.ts';
import type { Outbox } from './outbox.ts';

export interface SessionNews {
  /** `told`: the next greeting tells of it anyway. */
  found(session: FoundSession, told: boolean): Promise<void>;
  stillThere(before: FoundSession, now: FoundSession): Promise<void>;
  ended(session: FoundSession): Promise<void>;
}

export function createSessionNews(journal: Journal, outbox: Outbox): SessionNews {
  return {
    async found(session, told) {
      const entry = journal.find(session.sessionId);
      if (entry?.phase === 'begun') {
        // The agent was ended between making it and saying so.
        await journal.note({ ...entry, phase: 'started' });
        await outbox.put({ kind: 'session-started', sessionId: entry.sessionId, attempt: entry.attempt });
      } else if (!told) {
        await outbox.put({ kind: 'session-found', session });
      }
    },
    async stillThere(before, { sessionId, connections: count, lastDisconnectionTime }) {
      if (before.connections === count && before.lastDisconnectionTime === lastDisconnectionTime) return;
      await outbox.put({ kind: 'connections-changed', sessionId, count, lastDisconnectionTime });
    },
    async ended({ sessionId, attempt, creationTime }) {
      const reason = 'The session was closed on its host';
      const entry = journal.find(sessionId);
      if (entry !== undefined) await journal.note({ ...entry, phase: 'ended', reason });
      await outbox.put({ kind: 'session-ended', sessionId, reason, ...(attempt === 0 && { creationTime }) });
    },
  };
}

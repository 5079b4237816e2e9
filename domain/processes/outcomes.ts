/** What became of requests for sessions, for the calls that wait for it: heard from the log, whichever broker it was that placed them. */
import type { SessionId } from '../ids.ts';
import type { Process, SessionFact } from './process.ts';

/** How it stands with a session that was just requested. `gone`: somebody deleted it. `none`: with a sentence for the API's user. */
export type Placement = { readonly outcome: 'placed' | 'waiting' | 'gone' } | { readonly outcome: 'none'; readonly reason: string };

export interface Outcomes extends Process {
  /** Resolves when a session has been placed, queued or refused. To be called before its request is recorded. One call a session. */
  of(sessionId: SessionId): Promise<Placement>;
  /** Nobody listens for this outcome any more. */
  forget(sessionId: SessionId): void;
}

export function createOutcomes(): Outcomes {
  const listeners = new Map<SessionId, (placement: Placement) => void>();
  return {
    session(id, fact) {
      const placement = outcomeOf(fact);
      if (placement !== undefined) listeners.get(id)?.(placement);
    },
    of: (sessionId) => new Promise((resolve) => listeners.set(sessionId, resolve)),
    forget: (sessionId) => void listeners.delete(sessionId),
  };
}

function outcomeOf(fact: SessionFact): Placement | undefined {
  switch (fact.type) {
    case 'session.placed':
      return { outcome: 'placed' };
    case 'session.queued':
      return { outcome: 'waiting' };
    case 'session.refused':
      return { outcome: 'none', reason: fact.data.reason };
    case 'session.deleted':
      return { outcome: 'gone' };
    default:
      return undefined;
  }
}

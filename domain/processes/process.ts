/**
 * A process turns facts into effects. It hears every fact in log order from the moment the broker has recovered; what was under way
 * before that it is told by `resume`, from the read models. Effects may come twice and are harmless then, because actors decide.
 */
import type { RecordedFact } from '../facts.ts';
import { type ServerId, type SessionId, serverId, sessionId, streamId } from '../ids.ts';
import type { Deliver } from '../ports/event-log.ts';
import type { ServerEvent } from '../server/events.ts';
import type { SessionEvent } from '../session/events.ts';

export type SessionFact = RecordedFact<SessionEvent>;
export type ServerFact = RecordedFact<ServerEvent>;

export interface Process {
  session?(id: SessionId, fact: SessionFact): void;
  server?(id: ServerId, fact: ServerFact): void;
}

/** A session whose work was not done when the broker stopped. */
export interface PendingSession {
  readonly sessionId: SessionId;
  /** Absent: it waits for a server. */
  readonly serverId?: ServerId | undefined;
}

/** Hands each fact to each process, in the order in which they are given. */
export function follow(processes: readonly Process[]): Deliver {
  return (facts) => {
    for (const fact of facts) deliver(processes, fact);
    return Promise.resolve();
  };
}

function deliver(processes: readonly Process[], fact: RecordedFact): void {
  if (fact.stream.startsWith('session-')) {
    const id = sessionId(streamId(fact.stream));
    for (const process of processes) process.session?.(id, fact as SessionFact);
  } else if (fact.stream.startsWith('server-')) {
    const id = serverId(streamId(fact.stream));
    for (const process of processes) process.server?.(id, fact as ServerFact);
  }
}

/** The broker's own hand in what happens next, for the same request. */
export const causedBy = (process: string, { requestId }: Pick<RecordedFact, 'requestId'>) =>
  ({ cause: { kind: 'broker', id: process }, requestId }) as const;

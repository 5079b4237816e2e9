/** What has waited too long is ended with a reason: creations, deletions, servers that cannot be reached, and their sessions. */
import type { Origin } from '../facts.ts';
import type { ServerId, SessionId } from '../ids.ts';
import type { Beliefs } from '../ports/beliefs.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
import type { SessionCommand } from '../session/commands.ts';
import type { Effects } from './effects.ts';
import { causedBy, type PendingSession, type Process, type ServerFact, type SessionFact } from './process.ts';

export interface DeadlinePorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly beliefs: Beliefs;
  readonly effects: Effects;
  readonly clock: Clock;
}

/** All in milliseconds. */
export interface DeadlineLimits {
  /** From the placement of a session until it is READY. */
  readonly creationMs: number;
  /** From the request to delete a session until its host has closed it; a host that is away is waited for. */
  readonly deletionMs: number;
  /** A server that cannot be reached for so long is forgotten. */
  readonly unreachableServerMs: number;
  /** Its sessions are DELETED after so long; undefined: never for this reason. */
  readonly unreachableSessionsMs?: number | undefined;
  /** Placements of one session in all. */
  readonly maxAttempts: number;
}

export interface Deadlines extends Process {
  resume(pending: readonly PendingSession[], origin: Origin): void;
  /** Times are milliseconds since 1970 (UTC). */
  resumeServers(unreachable: readonly { readonly serverId: ServerId; readonly since: number }[], origin: Origin): void;
  stop(): void;
}

interface Creation {
  readonly sessionId: SessionId;
  readonly attempt: number;
  readonly since: number;
}

export function createDeadlines(ports: DeadlinePorts, limits: DeadlineLimits): Deadlines {
  const { sessions, servers, effects, clock } = ports;
  const timers = new Map<string, Timer>();

  function clear(key: string): void {
    timers.get(key)?.cancel();
    timers.delete(key);
  }

  /** One timer a key; a new one takes the place of the former. */
  function arm(key: string, at: number, act: () => Promise<unknown>): void {
    clear(key);
    const ring = (): void => {
      timers.delete(key);
      effects.run(`ending what has waited too long (${key})`, act);
    };
    timers.set(key, clock.after(Math.max(0, at - clock.now()), ring));
  }

  function awaitCreation({ sessionId: id, attempt, since }: Creation, origin: Origin): void {
    const reason = `The host did not make the session within ${limits.creationMs / 1000} s.`;
    const command: SessionCommand = { type: 'expire-creation', attempt, reason, maxAttempts: limits.maxAttempts };
    arm(`session ${id}`, since + limits.creationMs, () => sessions.execute(id, command, origin));
  }

  /** As long as the server cannot be reached the host cannot have been asked, so it gets its time anew. */
  function awaitDeletion(id: SessionId, since: number, origin: Origin): void {
    const reason = `The host did not close the session within ${limits.deletionMs / 1000} s.`;
    arm(`session ${id}`, since + limits.deletionMs, async () => {
      const { serverId } = (await sessions.look(id)).context;
      const isAway = serverId !== null && !(await servers.look(serverId)).context.reachable;
      if (isAway) awaitDeletion(id, clock.now(), origin);
      else await sessions.execute(id, { type: 'expire-deletion', reason }, origin);
    });
  }

  function awaitReturn(id: ServerId, since: number, origin: Origin): void {
    const { unreachableServerMs, unreachableSessionsMs } = limits;
    const reason = `Its agent could not be reached for ${unreachableServerMs / 1000} s.`;
    arm(`server ${id}`, since + unreachableServerMs, () => servers.execute(id, { type: 'remove', reason }, origin));
    if (unreachableSessionsMs === undefined) return;
    const dropReason = `Its server could not be reached for ${unreachableSessionsMs / 1000} s.`;
    arm(`sessions of ${id}`, since + unreachableSessionsMs, () => dropSessions(id, dropReason, origin));
  }

  async function dropSessions(serverId: ServerId, reason: string, origin: Origin): Promise<void> {
    const { maxAttempts } = limits;
    for (const { sessionId } of await ports.beliefs.sessionsOn(serverId)) {
      await sessions.execute(sessionId, { type: 'drop', serverId, reason, maxAttempts }, origin);
    }
  }

  function session(id: SessionId, fact: SessionFact): void {
    const origin = causedBy('deadlines', fact);
    if (fact.type === 'session.placed') awaitCreation({ sessionId: id, attempt: fact.data.attempt, since: fact.time }, origin);
    else if (fact.type === 'session.deletion-requested') awaitDeletion(id, fact.time, origin);
    else if (SETTLES.has(fact.type)) clear(`session ${id}`);
  }

  function server(id: ServerId, fact: ServerFact): void {
    if (fact.type === 'server.became-unreachable') awaitReturn(id, fact.time, causedBy('deadlines', fact));
    if (fact.type !== 'server.became-reachable' && fact.type !== 'server.registered') return;
    clear(`server ${id}`);
    clear(`sessions of ${id}`);
  }

  return {
    session,
    server,
    resume(pending, origin) {
      for (const { sessionId, serverId, state, stateTime, attempt } of pending) {
        if (state === 'DELETING') awaitDeletion(sessionId, stateTime, origin);
        else if (serverId !== undefined) awaitCreation({ sessionId, attempt, since: stateTime }, origin);
      }
    },
    resumeServers(unreachable, origin) {
      for (const { serverId, since } of unreachable) awaitReturn(serverId, since, origin);
    },
    stop() {
      for (const key of [...timers.keys()]) clear(key);
    },
  };
}

/** After these a session waits for its host no longer. */
const SETTLES: ReadonlySet<SessionFact['type']> = new Set(['session.started', 'session.failed', 'session.deleted']);

/** Tells each server's agent what its sessions need done, and tells it again on every connection until it is done. */
import type { RequestId, ServerId, SessionId } from '../ids.ts';
import type { AgentLink, Order } from '../ports/agent-link.ts';
import type { Sessions } from '../session/actor.ts';
import type { SessionContext } from '../session/machine.ts';
import { orderFor } from '../session/orders.ts';
import type { Effects } from './effects.ts';
import type { PendingSession, Process, SessionFact } from './process.ts';

export interface DispatchingPorts {
  readonly sessions: Sessions;
  readonly link: AgentLink;
  readonly effects: Effects;
}

export interface Dispatching extends Process {
  resume(pending: readonly PendingSession[]): void;
  /** Its agent greets anew: what is sent until it is connected may go to a connection that nobody listens to any more. */
  arriving(serverId: ServerId): void;
  /** Hands out what is outstanding on this server, and what was sent while its agent arrived: it has just connected. */
  connected(serverId: ServerId): void;
  /** Its agent is gone: what it did not hear its next inventory will show. */
  lost(serverId: ServerId): void;
}

export function createDispatching({ sessions, link, effects }: DispatchingPorts): Dispatching {
  const outstanding = new Map<ServerId, Set<SessionId>>();
  const places = new Map<SessionId, ServerId>();
  /** Of each server whose agent is arriving: how to say again what nobody may have heard, the last for each session. */
  const unheard = new Map<ServerId, Map<SessionId, () => void>>();

  function expect(sessionId: SessionId, serverId: ServerId): void {
    settle(sessionId);
    places.set(sessionId, serverId);
    const waiting = outstanding.get(serverId);
    if (waiting === undefined) outstanding.set(serverId, new Set([sessionId]));
    else waiting.add(sessionId);
  }

  function settle(sessionId: SessionId): void {
    const serverId = places.get(sessionId);
    if (serverId === undefined) return;
    places.delete(sessionId);
    const waiting = outstanding.get(serverId);
    waiting?.delete(sessionId);
    if (waiting?.size === 0) outstanding.delete(serverId);
  }

  /** The session's state says what is to be done, so an order that is out of date is never sent. */
  function send(sessionId: SessionId, request?: RequestId): void {
    const sending = async () => {
      const snapshot = await sessions.look(sessionId);
      const order = orderFor(sessionId, snapshot);
      const { serverId } = snapshot.context;
      if (order === undefined || serverId === null) return settle(sessionId);
      if (snapshot.value !== 'deleted') expect(sessionId, serverId);
      else unheard.get(serverId)?.set(sessionId, () => send(sessionId));
      link.send(serverId, order);
    };
    effects.run(`sending the order for session ${sessionId}`, sending, request);
  }

  return {
    session(id, fact) {
      if (fact.type === 'session.placed' || fact.type === 'session.deletion-requested') send(id, fact.requestId);
      else if (fact.type === 'session.permissions-updated') sendPermissions(id, fact);
      else if (fact.type === 'session.started' || fact.type === 'session.failed' || fact.type === 'session.deleted') settle(id);
    },
    resume(pending) {
      for (const { sessionId, serverId } of pending) if (serverId !== undefined) expect(sessionId, serverId);
    },
    arriving(serverId) {
      if (!unheard.has(serverId)) unheard.set(serverId, new Map());
    },
    connected(serverId) {
      const again = unheard.get(serverId)?.values() ?? [];
      unheard.delete(serverId);
      for (const sessionId of outstanding.get(serverId) ?? []) send(sessionId);
      for (const say of again) say();
    },
    lost: (serverId) => void unheard.delete(serverId),
  };

  /** Before the session is made its order carries the new permissions anyway. An agent that is away is told by its next inventory. */
  function sendPermissions(sessionId: SessionId, fact: Extract<SessionFact, { type: 'session.permissions-updated' }>): void {
    const sending = async () => {
      const { value, context } = await sessions.look(sessionId);
      const order = permissionsOrder(sessionId, context, fact.id);
      if (order === undefined || context.serverId === null || (value !== 'ready' && value !== 'placed')) return;
      unheard.get(context.serverId)?.set(sessionId, () => sendPermissions(sessionId, fact));
      link.send(context.serverId, order);
    };
    effects.run(`sending the permissions of session ${sessionId}`, sending, fact.requestId);
  }
}

/** `key` tells one change of a session's permissions from the next. Undefined: nobody gave it any, for example because by now another goes by its id. */
export function permissionsOrder(sessionId: SessionId, { localId, spec }: SessionContext, key: string): Order | undefined {
  if (spec?.permissionsFile === undefined) return undefined;
  return {
    kind: 'set-permissions',
    orderId: `set-permissions:${sessionId}:${key}`,
    sessionId,
    localId: localId ?? sessionId,
    permissionsFile: spec.permissionsFile,
  };
}

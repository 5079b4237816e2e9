/** Gives a server its slot back when the session that held it is over, or has failed there. */
import type { Origin } from '../facts.ts';
import type { ServerId, SessionId } from '../ids.ts';
import type { Servers } from '../server/actor.ts';
import type { SlotWish } from '../server/capacity.ts';
import type { Sessions } from '../session/actor.ts';
import type { SessionSpec } from '../session/events.ts';
import type { SessionContext, SessionSnapshot } from '../session/machine.ts';
import type { Effects } from './effects.ts';
import { causedBy, type Process, type SessionFact } from './process.ts';

export interface ReleasingPorts {
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly effects: Effects;
}

/** A restart finds slots of sessions that are over in the read models and releases them itself; see the broker's recovery. */
export function createReleasing({ sessions, servers, effects }: ReleasingPorts): Process {
  return {
    session(id, fact) {
      if (fact.type !== 'session.deleted' && fact.type !== 'session.failed') return;
      const releasing = async () => {
        const origin = causedBy('releasing', fact);
        const { context } = await sessions.look(id);
        const server = holder(context, fact);
        if (server !== null) await giveBack({ sessions, servers }, server, id, origin);
      };
      effects.run(`releasing the slot of session ${id}`, releasing, fact.requestId);
    },
  };
}

/**
 * Releases the slot of a session, unless it is alive there. It may be found alive again, or placed anew, before its slot is free, hence the look before; or just
 * then, when it was counted in vain, hence the look after.
 */
export async function giveBack(
  { sessions, servers }: Pick<ReleasingPorts, 'sessions' | 'servers'>,
  server: ServerId,
  id: SessionId,
  origin: Origin,
): Promise<void> {
  if (aliveOn(server, await sessions.look(id)) !== null) return;
  await servers.execute(server, release(id), origin);
  const back = aliveOn(server, await sessions.look(id));
  if (back !== null) await servers.execute(server, count(id, back), origin);
}

export const release = (sessionId: SessionId) => ({ type: 'release', sessionId }) as const;

export const count = (sessionId: SessionId, { sessionType, owner }: SlotWish) =>
  ({ type: 'count', sessionId, sessionType, owner }) as const;

/** A failed attempt names its server by its number: by now the session may be placed elsewhere. */
function holder(context: SessionContext, fact: SessionFact): ServerId | null {
  return fact.type === 'session.failed' ? (context.tried[fact.data.attempt - 1] ?? null) : context.serverId;
}

/** Null: it is not there, or not known to be alive. */
const aliveOn = (server: ServerId, { value, context }: SessionSnapshot): SessionSpec | null =>
  context.serverId === server && value !== 'placing' && value !== 'deleted' ? context.spec : null;

/** Gives a server its slot back when the session that held it is over, or has failed there. */
import type { ServerId, SessionId } from '../ids.ts';
import type { Servers } from '../server/actor.ts';
import type { Sessions } from '../session/actor.ts';
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
      effects.run(`releasing the slot of session ${id}`, async () => {
        const snapshot = await sessions.look(id);
        const server = holder(snapshot.context, fact);
        if (server !== null && !isThere(snapshot, server)) await servers.execute(server, release(id), causedBy('releasing', fact));
      });
    },
  };
}

export const release = (sessionId: SessionId) => ({ type: 'release', sessionId }) as const;

/** A failed attempt names its server by its number: by now the session may be placed elsewhere. */
function holder(context: SessionContext, fact: SessionFact): ServerId | null {
  return fact.type === 'session.failed' ? (context.tried[fact.data.attempt - 1] ?? null) : context.serverId;
}

/** By now it may be alive again: made anew by hand on its host, or placed there once more. */
const isThere = ({ value, context }: SessionSnapshot, server: ServerId): boolean =>
  context.serverId === server && value !== 'placing' && value !== 'deleted';

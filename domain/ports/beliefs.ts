/** The port to what the broker believes about a server's sessions: a hint whom to ask, never a decision. */
import type { ServerId, SessionId } from '../ids.ts';

/** A session that should be on a server. */
export interface Belief {
  readonly sessionId: SessionId;
  readonly state: 'CREATING' | 'READY' | 'DELETING';
  readonly attempt: number;
  /** Milliseconds since 1970 (UTC), by the clock of its host where it was found there. */
  readonly creationTime: number;
  readonly connections: number;
  readonly lastDisconnectionTime?: number | undefined;
  /** Base64. */
  readonly permissionsFile?: string | undefined;
}

export interface Beliefs {
  /** All sessions that are placed on this server and not over, by all that was recorded before the call. Throws LogBusyError when that takes too long. */
  sessionsOn(serverId: ServerId): Promise<readonly Belief[]>;
}

/** What a Describe call can say: sessions and servers as a reader sees them. Times are milliseconds since 1970 (UTC). */
import type { Telemetry } from '../domain/ports/agent-link.ts';
import type { ServerDescription } from '../domain/server/events.ts';
import type { SessionType } from '../domain/session/events.ts';

export type SessionState = 'CREATING' | 'READY' | 'DELETING' | 'DELETED' | 'UNKNOWN';

export interface SessionView {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly sessionType: SessionType;
  /** UNKNOWN is derived: the server's agent cannot be reached now. */
  readonly state: SessionState;
  /** Only while CREATING. */
  readonly substate?: 'SESSION_PLACING' | 'PENDING_PREPARATION' | undefined;
  readonly stateReason?: string | undefined;
  readonly maxConcurrentClients?: number | undefined;
  readonly storageRoot?: string | undefined;
  readonly creationTime: number;
  readonly lastDisconnectionTime?: number | undefined;
  readonly connections: number;
  /** Absent until placed. */
  readonly server?: ServerView | undefined;
}

export type UnavailabilityReason =
  | 'SERVER_FULL'
  | 'SERVER_CLOSED'
  | 'UNREACHABLE_AGENT'
  | 'UNHEALTHY_DCV_SERVER'
  | 'EXISTING_LOGGED_IN_USER';

export interface ServerView {
  readonly id: string;
  readonly description: ServerDescription;
  /** Absent until the agent has reported since this broker started. */
  readonly telemetry?: Telemetry | undefined;
  readonly loggedInUsers: readonly string[];
  /** Absent: AVAILABLE. */
  readonly unavailabilityReason?: UnavailabilityReason | undefined;
  readonly consoleSessions: number;
  readonly virtualSessions: number;
}

/** One fact as an auditor reads it. */
export interface HistoryEntry {
  readonly position: number;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  readonly cause: { readonly kind: string; readonly id: string };
  readonly requestId: string;
  readonly data: object;
}

/** A page of answers; `next` is where the following page starts, absent on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: number | undefined;
}

/** What the broker can be asked to do: the operations of the API in the terms of the domain, free of HTTP. */
import type { Rejection } from '../domain/decision.ts';
import type { Origin, Position } from '../domain/facts.ts';
import type { SessionId } from '../domain/ids.ts';
import type { Screenshot } from '../domain/ports/agent-link.ts';
import type { PlacementWish, SessionSpec } from '../domain/session/events.ts';
import type { SessionSelection } from '../projections/session-search.ts';
import type { HistoryEntry, Page, ServerView, SessionState, SessionView } from '../projections/views.ts';

/** One item of a batch: done, or turned down while its neighbours go on. */
export type Result<T> = { readonly done: T } | { readonly rejected: Rejection };

/** Unknown ids are simply missing from the answer. */
export type SessionQuery = SessionSelection;

export interface ServerQuery {
  readonly ids?: readonly string[] | undefined;
  readonly limit: number;
  readonly after?: number | undefined;
}

export interface ScreenshotWish {
  readonly sessionId: string;
  /** Pixels, at least 1; absent: the configured bound. */
  readonly maxWidth?: number | undefined;
  readonly maxHeight?: number | undefined;
  /** Absent: whosever it is. */
  readonly owner?: string | undefined;
}

/** What a session is to be like. */
export type SessionWish = SessionSpec &
  PlacementWish & {
    /** Absent: a new one. A session that has this id already came of an earlier attempt: it is not made again, and what became of it is told. */
    readonly id?: SessionId | undefined;
  };

/** Batches answer in the order of their items. Describe and history read what was acknowledged before they were called. */
export interface Application {
  /** The newest position known here: that of everything done for a call that was answered, at least. */
  position(): Position;
  /** Resolves when what is described here has come to this position. Throws LogBusyError if it has not within bounded time. */
  reached(position: Position): Promise<void>;
  createSessions(items: readonly SessionWish[], origin: Origin): Promise<readonly Result<SessionView>[]>;
  deleteSessions(
    items: readonly { readonly sessionId: string; readonly owner: string; readonly force: boolean }[],
    origin: Origin,
  ): Promise<readonly Result<SessionState>[]>;
  updateSessionPermissions(
    items: readonly { readonly sessionId: string; readonly owner: string; readonly permissionsFile: string }[],
    origin: Origin,
  ): Promise<readonly Result<SessionId>[]>;
  describeSessions(query: SessionQuery): Promise<Page<SessionView>>;
  describeServers(query: ServerQuery): Promise<Page<ServerView>>;
  openServers(items: readonly { readonly serverId: string }[], origin: Origin): Promise<readonly Result<string>[]>;
  closeServers(
    items: readonly { readonly serverId: string; readonly force: boolean }[],
    origin: Origin,
  ): Promise<readonly Result<string>[]>;
  screenshots(items: readonly ScreenshotWish[], origin?: Pick<Origin, 'requestId'>): Promise<readonly Result<readonly Screenshot[]>[]>;
  /** Rejected: `SESSION_NOT_FOUND` or `SESSION_NOT_READY`. Without `owner`: whosever it is. */
  connectionData(
    sessionId: string,
    user: string,
    owner?: string,
  ): Promise<Result<{ readonly session: SessionView; readonly connectionToken: string }>>;
  /**
   * Oldest first, behind revision `after`; undefined: there is no such actor. With `owner`: as far as the session was this one's, and `after` must be the
   * `next` of a page of the same owner.
   */
  sessionHistory(sessionId: string, limit: number, after?: number, owner?: string): Promise<Page<HistoryEntry> | undefined>;
  serverHistory(serverId: string, limit: number, after?: number): Promise<Page<HistoryEntry> | undefined>;
}

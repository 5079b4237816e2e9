/** What a session can be told. Imperative; each is judged by decide.ts and may be turned down. */
import type { ServerId } from '../ids.ts';
import type { FoundSession } from '../ports/agent-link.ts';
import type { PlacementChoice, PlacementWish, SessionSpec } from './events.ts';

export type SessionCommand =
  /** An API client wants it. */
  | { readonly type: 'request'; readonly spec: SessionSpec & PlacementWish }
  /** No server can take it. If nobody was told that it would be made nothing remains but its history; otherwise it is DELETED, with the reason. */
  | { readonly type: 'refuse'; readonly spec: SessionSpec & PlacementWish; readonly reason: string }
  /** The server holds a slot for this attempt. `round`: as it was when the server was sought; absent: 0. */
  | {
      readonly type: 'place';
      readonly serverId: ServerId;
      readonly attempt: number;
      readonly round?: number | undefined;
      readonly choice?: PlacementChoice | undefined;
    }
  /** Whatever was under way to place it in this round is void from now on. */
  | { readonly type: 'restart-placement'; readonly round: number }
  /** It waits for a server. */
  | { readonly type: 'queue' }
  /** Whoever asked for it is about to be told that it is being made. */
  | { readonly type: 'acknowledge' }
  | { readonly type: 'report-started'; readonly serverId: ServerId; readonly attempt: number }
  /** `maxAttempts`: placements in all, at least 1. */
  | {
      readonly type: 'report-failed';
      readonly serverId: ServerId;
      readonly attempt: number;
      readonly reason: string;
      readonly maxAttempts: number;
    }
  /** Its host says that it is no more. */
  | { readonly type: 'report-ended'; readonly serverId: ServerId; readonly reason: string; readonly creationTime?: number | undefined }
  /** Its host says that it is alive. */
  | { readonly type: 'report-found'; readonly serverId: ServerId; readonly found: FoundSession }
  | {
      readonly type: 'report-connections';
      readonly serverId: ServerId;
      readonly count: number;
      readonly lastDisconnectionTime?: number | undefined;
    }
  /** Someone with permission to enter it is at the door of its host. `creationTime`: of the session that the permission was given for. */
  | { readonly type: 'admit'; readonly creationTime: number }
  | { readonly type: 'delete'; readonly owner: string; readonly force: boolean }
  | { readonly type: 'update-permissions'; readonly owner: string; readonly permissionsFile: string }
  /** The host did not make it in time. */
  | { readonly type: 'expire-creation'; readonly attempt: number; readonly reason: string; readonly maxAttempts: number }
  /** The host did not close it in time. */
  | { readonly type: 'expire-deletion'; readonly reason: string }
  /** Its server is given up. */
  | { readonly type: 'drop'; readonly serverId: ServerId; readonly reason: string; readonly maxAttempts: number };

/** The port between broker and agents: what is said on the wire in both directions, and how the broker reaches an agent. */
import type { RequestId, ServerId, SessionId } from '../ids.ts';
import type { ServerDescription } from '../server/events.ts';
import type { SessionSpec } from '../session/events.ts';

/** What changes every few seconds. Never in the log. Sizes in bytes. */
export interface Telemetry {
  readonly memoryUsedBytes: number;
  readonly swapUsedBytes: number;
  /** Averages over 1, 5 and 15 minutes. */
  readonly cpuLoadAverage: readonly [number, number, number];
}

/**
 * What an agent is told to do. At-least-once: `orderId` is `<kind>:<sessionId>:<attempt>` for those that change something, and an
 * agent that has done an order reports its outcome again rather than doing it again.
 */
export type Order =
  | {
      readonly kind: 'create-session';
      readonly orderId: string;
      readonly sessionId: SessionId;
      readonly attempt: number;
      readonly spec: SessionSpec;
    }
  | { readonly kind: 'close-session'; readonly orderId: string; readonly sessionId: SessionId; readonly localId: string }
  | {
      readonly kind: 'set-permissions';
      readonly orderId: string;
      readonly sessionId: SessionId;
      readonly localId: string;
      /** Base64. */
      readonly permissionsFile: string;
    }
  | {
      readonly kind: 'take-screenshot';
      readonly orderId: string;
      readonly sessionId: SessionId;
      readonly localId: string;
      readonly maxWidth: number;
      readonly maxHeight: number;
      readonly format: 'png' | 'jpeg';
    };

/** What an agent reports. Kept in its outbox until acknowledged; `reportId` is a UUID. */
export type Report = { readonly reportId: string; readonly time: number } & (
  | { readonly kind: 'session-started'; readonly sessionId: SessionId; readonly attempt: number }
  | { readonly kind: 'session-failed'; readonly sessionId: SessionId; readonly attempt: number; readonly reason: string }
  /** Closed on order, by its user, or gone. `creationTime`: which one, where it was made by hand and another may go by its id by now. */
  | { readonly kind: 'session-ended'; readonly sessionId: SessionId; readonly reason: string; readonly creationTime?: number | undefined }
  | {
      readonly kind: 'connections-changed';
      readonly sessionId: SessionId;
      readonly count: number;
      readonly lastDisconnectionTime?: number | undefined;
    }
  /** Seen on the host without an order. */
  | { readonly kind: 'session-found'; readonly session: FoundSession }
  | { readonly kind: 'server-described'; readonly description: ServerDescription }
  | { readonly kind: 'health-changed'; readonly healthy: boolean; readonly reason?: string | undefined }
  | { readonly kind: 'logged-in-users-changed'; readonly users: readonly string[] }
);

/** A live session as the agent sees it. `sessionId` is ours where it was made on our order, else equal to `localId`. */
export interface FoundSession {
  readonly sessionId: SessionId;
  readonly localId: string;
  /** 0 where it was not made on our order. */
  readonly attempt: number;
  readonly spec: SessionSpec;
  readonly creationTime: number;
  readonly connections: number;
  readonly lastDisconnectionTime?: number | undefined;
}

/** What an agent says first on every connection: who it is and all that is alive on its host. */
export interface Greeting {
  readonly serverId: ServerId;
  /** Of the agent's process, the same as long as it runs: an agent that comes back is told from another with a copy of its id. */
  readonly run?: string | undefined;
  readonly description: ServerDescription;
  readonly telemetry: Telemetry;
  readonly healthy: boolean;
  readonly healthReason?: string | undefined;
  readonly loggedInUsers: readonly string[];
  readonly sessions: readonly FoundSession[];
  /** Ids of sessions whose creation is under way here: neither alive nor gone yet. */
  readonly inProgress: readonly SessionId[];
}

/** The answer to a greeting. `connectionId` goes with every later message; both sides give the link up after `silenceMs` without a sign. */
export interface Welcome {
  readonly connectionId: string;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
}

/** One picture of a session. `data` is base64. */
export interface Screenshot {
  readonly format: 'png' | 'jpeg';
  readonly data: string;
  readonly time: number;
  readonly primary: boolean;
}

/** How processes of the broker reach agents. */
export interface AgentLink {
  /** Hands over an order if the agent is connected here; false if it is not. Losing it is harmless: outstanding orders are sent again on connection. */
  send(serverId: ServerId, order: Order): boolean;
  /** Asks for a picture, for a request, and waits for it. Rejected within bounded time, with a sentence for the API's user. */
  screenshot(
    serverId: ServerId,
    order: Order & { kind: 'take-screenshot' },
    request?: RequestId,
  ): Promise<readonly Screenshot[] | { readonly rejected: string }>;
}

/** What can be said of a session. Stored for ever: a new meaning gets a new type, and a better shape a new version (see upcasters.ts). */
import type { ServerId } from '../ids.ts';

export type SessionType = 'CONSOLE' | 'VIRTUAL';

/** What was asked for: everything that the host needs to make the session. */
export interface SessionSpec {
  /** For people; 1 to 256 characters; not unique. */
  readonly name: string;
  readonly owner: string;
  readonly sessionType: SessionType;
  readonly dcvGlEnabled?: boolean | undefined;
  readonly maxConcurrentClients?: number | undefined;
  /** Deprecated on the wire: a full path on the host. */
  readonly initFilePath?: string | undefined;
  /** Relative to the agent's init folder. */
  readonly initFile?: string | undefined;
  /** Relative to the agent's autorun folder. */
  readonly autorunFile?: string | undefined;
  readonly autorunFileArguments?: readonly string[] | undefined;
  /** Base64, as it came. */
  readonly permissionsFile?: string | undefined;
  readonly storageRoot?: string | undefined;
}

/** How it is to be placed. */
export interface PlacementWish {
  /** Text in the requirement language; absent: any server. */
  readonly requirements?: string | undefined;
  /** Wait for a server when none can take it now. */
  readonly enqueue: boolean;
  /** Try other servers after a failure on the host. */
  readonly retry: boolean;
}

/** Why a session was placed where it was. */
export interface PlacementChoice {
  /** The name of the policy that put the candidates in order. Text, because facts outlive policies. */
  readonly policy: string;
  /** The servers that were asked in this order until one had a slot; at most 16. */
  readonly candidates: readonly ServerId[];
  /** Servers in the fleet. */
  readonly considered: number;
  /** How many of the others were known to be out of the question, by reason; placement/candidates.ts says what is counted. */
  readonly turnedDown: Readonly<Partial<Record<string, number>>>;
  /** Where attempts before this one failed, in order. */
  readonly failed: readonly ServerId[];
}

export type SessionEvent =
  | { readonly type: 'session.requested'; readonly data: SessionSpec & PlacementWish }
  | { readonly type: 'session.refused'; readonly data: SessionSpec & PlacementWish & { readonly reason: string } }
  /** It waits for a server; `attempt` is the placement that it waits for. Whoever asked for it is told that it will be made. */
  | { readonly type: 'session.queued'; readonly data: { readonly attempt: number } }
  /** Whoever asked for it was told that it is being made, before there was a server. */
  | { readonly type: 'session.acknowledged'; readonly data: Record<string, never> }
  /** Another broker has taken over: whoever was placing it before that (in a round with a lower number) does not any more. */
  | { readonly type: 'session.placement-restarted'; readonly data: { readonly round: number } }
  /** `attempt` counts from 1; each placement is a new attempt. `choice` is null where nobody recorded it, as was so at first. */
  | {
      readonly type: 'session.placed';
      readonly data: { readonly serverId: ServerId; readonly attempt: number; readonly choice: PlacementChoice | null };
    }
  | { readonly type: 'session.started'; readonly data: { readonly attempt: number } }
  /** `retrying`: goes back to placing; otherwise it is DELETED with this reason. `attempt` 0: it failed before any placement. */
  | {
      readonly type: 'session.failed';
      readonly data: { readonly attempt: number; readonly reason: string; readonly retrying: boolean };
    }
  | { readonly type: 'session.deletion-requested'; readonly data: { readonly force: boolean } }
  | { readonly type: 'session.deleted'; readonly data: { readonly reason: string } }
  | { readonly type: 'session.permissions-updated'; readonly data: { readonly permissionsFile: string } }
  | {
      readonly type: 'session.connections-changed';
      /** `lastDisconnectionTime`: milliseconds since 1970 (UTC). */
      readonly data: { readonly count: number; readonly lastDisconnectionTime?: number | undefined };
    }
  /** Found alive on a host without the broker knowing: made by hand, or deleted by force while the host was away. */
  | {
      readonly type: 'session.adopted';
      readonly data: SessionSpec & {
        readonly serverId: ServerId;
        /** The id on its host, where it differs from ours. */
        readonly localId: string;
        readonly creationTime: number;
        readonly connections: number;
        /** The placement that made it, as its host knows; 0 for one made by hand. Absent from older facts. */
        readonly attempt?: number | undefined;
      };
    };

/** What can be said of a DCV server. Stored for ever: a new meaning gets a new type, and a better shape a new version (see upcasters.ts). */
import type { BrokerId, SessionId } from '../ids.ts';
import type { SessionType } from '../session/events.ts';

/** One address that DCV clients can reach. */
export interface Endpoint {
  readonly ipAddress?: string | undefined;
  readonly port: number;
  readonly protocol: 'HTTP' | 'QUIC';
  readonly webUrlPath?: string | undefined;
}

/** What seldom changes about a server and its host. Sizes in bytes. What changes every few seconds is Telemetry, in the agent link. */
export interface ServerDescription {
  readonly ip: string;
  readonly hostname: string;
  readonly defaultDnsName?: string | undefined;
  readonly port: number;
  readonly webUrlPath: string;
  readonly endpoints: readonly Endpoint[];
  /** Of the DCV server. */
  readonly version: string;
  readonly agentVersion: string;
  readonly os: {
    /** `linux`, `windows` or `macos`. */
    readonly family: string;
    readonly name: string;
    readonly version: string;
    readonly kernelVersion?: string | undefined;
    readonly buildNumber?: string | undefined;
  };
  readonly memoryTotalBytes: number;
  readonly swapTotalBytes: number;
  readonly cpu: {
    readonly vendor: string;
    readonly modelName: string;
    readonly architecture: string;
    readonly numberOfCpus: number;
    readonly physicalCoresPerCpu: number;
  };
  readonly gpus: readonly { readonly vendor: string; readonly modelName: string }[];
  readonly aws?:
    | {
        readonly region: string;
        readonly instanceType: string;
        readonly instanceId: string;
        readonly imageId: string;
      }
    | undefined;
  /** Sorted by key, each key once, the built-in `dcv:` ones included. */
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  /** Slots for virtual sessions; -1 is no limit. Not for Windows and macOS, which hold one console session. */
  readonly maxVirtualSessions: number;
  /** Sessions of one owner at a time; -1 is no limit. */
  readonly maxSessionsPerOwner: number;
}

/** Which broker the agent is connected to; null in facts of a time when there was only one. */
export interface HeldBy {
  readonly broker: BrokerId | null;
}

export type ServerEvent =
  | { readonly type: 'server.registered'; readonly data: { readonly agentClientId: string } & HeldBy }
  | { readonly type: 'server.described'; readonly data: ServerDescription }
  | { readonly type: 'server.opened'; readonly data: Record<string, never> }
  | { readonly type: 'server.closed'; readonly data: { readonly force: boolean } }
  | {
      readonly type: 'server.slot-reserved';
      readonly data: {
        readonly sessionId: SessionId;
        readonly sessionType: SessionType;
        readonly owner: string;
        /** 0 for a session that was found on the host and took no decision. */
        readonly attempt: number;
      };
    }
  | { readonly type: 'server.slot-released'; readonly data: { readonly sessionId: SessionId } }
  | { readonly type: 'server.became-unreachable'; readonly data: { readonly reason: string } }
  /** Again, or through another broker than before. */
  | { readonly type: 'server.became-reachable'; readonly data: HeldBy }
  | { readonly type: 'server.health-changed'; readonly data: { readonly healthy: boolean; readonly reason?: string | undefined } }
  /** Users logged in on the host outside DCV; on Windows they keep a console session out. */
  | { readonly type: 'server.logged-in-users-changed'; readonly data: { readonly users: readonly string[] } }
  | { readonly type: 'server.removed'; readonly data: { readonly reason: string } };

/** How the agent drives the DCV server of its host. One driver speaks to a real server, another simulates one. */
import type { Screenshot, Telemetry } from '../../domain/ports/agent-link.ts';
import type { ServerDescription } from '../../domain/server/events.ts';
import type { SessionSpec, SessionType } from '../../domain/session/events.ts';

/** What the host says about itself; what the agent's configuration says (tags, limits, versions) comes on top. */
export type HostDescription = Omit<ServerDescription, 'tags' | 'maxVirtualSessions' | 'maxSessionsPerOwner' | 'agentVersion'>;

/** A live session as the DCV server lists it. */
export interface DriverSession {
  readonly localId: string;
  readonly name: string;
  readonly owner: string;
  readonly sessionType: SessionType;
  readonly creationTime: number;
  readonly connections: number;
  readonly lastDisconnectionTime?: number | undefined;
  readonly storageRoot?: string | undefined;
}

/** What is to be made. The files are absolute paths, already known to stay inside the agent's folders. */
export interface SessionWish {
  readonly localId: string;
  readonly spec: SessionSpec;
  readonly initPath?: string | undefined;
  readonly autorunPath?: string | undefined;
}

export interface PictureWish {
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly format: 'png' | 'jpeg';
}

export type Outcome = { readonly done: true } | { readonly failed: string };

/**
 * `failed` is a sentence that ends up in a session's StateReason or in the log. A rejected promise means that the DCV server itself
 * cannot be reached or answers nonsense: the agent reports it as unhealthy.
 */
export interface Driver {
  describe(): Promise<HostDescription>;
  telemetry(): Promise<Telemetry>;
  /** People logged in on the host outside DCV. */
  loggedInUsers(): Promise<readonly string[]>;
  list(): Promise<readonly DriverSession[]>;
  /** Making a session that is already there fails. */
  create(wish: SessionWish): Promise<Outcome>;
  /** Closing a session that is not there is done. */
  close(localId: string): Promise<Outcome>;
  /** `permissionsFile` is base64. */
  setPermissions(localId: string, permissionsFile: string): Promise<Outcome>;
  screenshot(localId: string, wish: PictureWish): Promise<{ readonly images: readonly Screenshot[] } | { readonly failed: string }>;
  /** Calls `changed` when a look at the sessions, the users or the health would show something new. One watcher; undefined ends it. */
  watch(changed: (() => void) | undefined): void;
}

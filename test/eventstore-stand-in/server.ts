/** What the calls of the stand-in are answered from. */
import type { Store } from './store.ts';

/** What goes wrong with the next append, after it was stored. */
export type AppendFault = 'timed-out' | 'never-answered' | 'disconnected' | 'answered-without-position';

/** What goes wrong with everything of a kind while it is set. */
export interface Faults {
  /** One for each of the next appends. */
  readonly appends: AppendFault[];
  /** The server is up and starting: all calls are answered with "Server Is Not Ready". */
  notReady: boolean;
  /** Reads and subscriptions, or subscriptions alone, are refused for want of rights. */
  denied: boolean;
  subscriptionsDenied: boolean;
  /** Reads are accepted and never answered. */
  silentReads: boolean;
  /** Calls about persistent subscriptions are never answered, as while their service starts. */
  silentGroups: boolean;
  /** Subscriptions are confirmed and bring nothing. */
  silentSubscriptions: boolean;
  /** Bytes of data in one append. */
  maxAppendSize: number;
}

export interface Consumer {
  readonly connection: string;
  drop(error: Error): void;
}

/** What the calls are answered from. */
export interface Server {
  readonly store: Store;
  readonly faults: Faults;
  consumers(group: string): Set<Consumer>;
  /** Resolves when what was appended until now is committed. */
  flushed(): Promise<void>;
  /** Resolves when something was committed. */
  news(): Promise<void>;
  stop(): Promise<void>;
}

/** What the calls of the stand-in are answered from. */
import type { Store } from './store.ts';

/** What goes wrong with the next append, after it was stored. */
export type AppendFault = 'stored-but-timed-out' | 'stored-but-never-answered' | 'stored-but-disconnected';

export interface Faults {
  /** One for each of the next appends. */
  readonly appends: AppendFault[];
  /** Everything is answered with "Server Is Not Ready". */
  notReady: boolean;
  /** Reads are accepted and never answered. */
  hangReads: boolean;
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

/** The port to what several brokers hold one at a time. Where there is one broker it always gets what it asks for. */
import type { BrokerId } from '../ids.ts';

/** How a lock came to its end: `lost` with the connection to the log, `broken` by another broker that took its holder for dead. */
export type LockEnd = 'released' | 'lost' | 'broken';

export interface Lock {
  /** Resolves when it is not held any more. Never rejects. */
  readonly over: Promise<LockEnd>;
  /** Resolves when somebody else may take it. */
  release(): Promise<void>;
}

export interface Locks {
  /**
   * Takes a lock if nobody holds it; undefined if somebody does. A holder that dies loses it within seconds. Throws LogFault when the log cannot be
   * reached. Between losing a lock and learning of it a holder may overlap with the next one, so a lock prevents waste, never harm.
   */
  take(name: string): Promise<Lock | undefined>;
}

/** One taking of a lock, as it can be seen from everywhere. */
export interface Hold {
  readonly broker: BrokerId;
  /** A UUID: another one each time that the lock is taken. */
  readonly id: string;
}

/** Locks as the log has them, which know who holds them. When to break one is decided in `domain/processes/breaking.ts`. */
export interface BreakableLocks extends Locks {
  /** Undefined where nobody holds it, or somebody who cannot be told. Throws LogFault, as the next. */
  holder(name: string): Promise<Hold | undefined>;
  /** Ends this hold, and no later one: its holder learns of it as soon as it can, and the lock is free. False when it was over already. */
  break(name: string, hold: Hold): Promise<boolean>;
  /** The ids of what this process holds, or is about to take. */
  holds(): readonly string[];
}

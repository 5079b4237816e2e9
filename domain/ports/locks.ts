/** The port to what several brokers hold one at a time. Where there is one broker it always gets what it asks for. */

export interface Lock {
  /** Resolves when it is not held any more: released, or lost with the connection to the log. Never rejects. */
  readonly over: Promise<void>;
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

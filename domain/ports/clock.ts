/** Time, randomness and identity, which come in from outside so that a whole fleet can run under a simulated clock and a seeded generator. */

/** A timer that was set and may be called off. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970 (UTC). May jump. */
  now(): number;
  /** Runs `action` once, after `delayMs` (at least 0). A pending timer keeps no process alive. */
  after(delayMs: number, action: () => void): Timer;
}

export interface Random {
  /** A version 4 UUID. */
  uuid(): string;
  /** At least 0, below 1. */
  fraction(): number;
}

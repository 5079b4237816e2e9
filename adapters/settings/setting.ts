/** One thing that a broker is told, as text: where it was said, and the error of what cannot be. */

/** `from`: how its user wrote it, for the message when it is wrong: `--client-port`, or `broker.properties:12: client-to-…`. */
export interface Setting {
  readonly value: string;
  readonly from: string;
  /** Where to look for it, if `from` says more than that: `broker.properties:12`. */
  readonly at?: string;
}

/** Something was set to what it cannot be. The message names the setting; several mistakes have a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

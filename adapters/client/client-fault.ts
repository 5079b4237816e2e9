/** How a command of the client fails: with a sentence that says what to do, and an exit code of the AWS command line's, as with the original. */

export const EXIT = {
  done: 0,
  /** What `--wait` waited for ended in another way. */
  endedOtherwise: 1,
  /** What `--wait` waited for did not come about in time. */
  waitedInVain: 2,
  interrupted: 130,
  /** The command line cannot be understood, or names a file that cannot be read. */
  usage: 252,
  /** The configuration, or an address or credential that it should hold, is missing or wrong. */
  configuration: 253,
  /** The broker or the authorization server answered with an error, or turned down an item. */
  service: 254,
  /** Anything else: no connection, above all. */
  failure: 255,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export class ClientFault extends Error {
  override readonly name = 'ClientFault';
  readonly exitCode: ExitCode;
  /** Whether the same request may well succeed a moment later. */
  readonly passes: boolean;

  constructor(
    exitCode: ExitCode,
    message: string,
    { passes = false, cause }: { readonly passes?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.exitCode = exitCode;
    this.passes = passes;
  }
}

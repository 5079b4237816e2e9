/** What a look at the host found: one line for each thing that the agent needs, and what to do where it is not as it should be. */

/** `warn`: it works, or may; somebody should know. */
export type Mark = 'ok' | 'warn' | 'fail';

export interface Finding {
  /** What was looked at, in two or three words. */
  readonly check: string;
  readonly mark: Mark;
  readonly message: string;
  /** What to do, in one sentence. */
  readonly mend?: string | undefined;
}

export const ok = (check: string, message: string): Finding => ({ check, mark: 'ok', message });

export const warn = (check: string, message: string, mend: string): Finding => ({ check, mark: 'warn', message, mend });

export const fail = (check: string, message: string, mend: string): Finding => ({ check, mark: 'fail', message, mend });

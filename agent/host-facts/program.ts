/** Short programs that the host has for saying something about itself. */
import { execFile } from 'node:child_process';
import { childEnvironment } from '../../adapters/child-environment.ts';

export interface Said {
  /** The program ended by itself and well. */
  readonly ok: boolean;
  readonly stdout: string;
}

/** Never rejects: a program that is not there, or is not done in time, has said nothing and is not ok. */
export type RunProgram = (program: string, parameters: readonly string[], limitMs: number) => Promise<Said>;

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

export const runProgram: RunProgram = (program, parameters, limitMs) =>
  new Promise((resolve) => {
    const env = { ...childEnvironment(), LC_ALL: 'C' };
    const options = { env, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true } as const;
    execFile(program, parameters, options, (error, stdout) => resolve({ ok: error === null, stdout }));
  });

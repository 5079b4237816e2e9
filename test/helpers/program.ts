/** A program as an operator starts it: a process of its own that is watched, sent signals, and gone when the test is over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { until } from './until.ts';

/** How a process ended: one of both is null. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ending>;
  /** Resolves when stdout matches; rejects when the program ends before, or with what it said when it takes too long. */
  said(pattern: RegExp, timeoutMs?: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<Ending>;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Relative to the build. */
const inBuild = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** `berth` with these parameters. */
export function runBerth(t: Test, parameters: readonly string[], options: ProgramOptions = {}): Program {
  return runProgram(t, 'adapters/cli/berth.js', parameters, options);
}

/** `script` is a module of the build, such as `test/helpers/agents.js`. */
export function runProgram(t: Test, script: string, parameters: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, ['--enable-source-maps', inBuild(script), ...parameters], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8');
    child[stream].on('data', (text: string) => {
      said[stream] += text;
    });
  }
  const ended = endOf(child);
  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    child.kill(signal);
    return ended;
  }
  t.teardown(() => kill());
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended,
    async said(pattern, timeoutMs = 30_000) {
      const over = ended.then(({ code, signal }) => {
        if (!pattern.test(said.stdout)) throw new Error(`It ended (${signal ?? code}) before it said ${pattern}:\n${said.stderr}`);
      });
      await Promise.race([over, until(`${pattern} in ${JSON.stringify(said)}`, () => pattern.test(said.stdout), timeoutMs)]);
    },
    signal: (signal) => void child.kill(signal),
    kill,
  };
}

/** Also ends the child with this process, should that end without a teardown. */
function endOf(child: ChildProcess): Promise<Ending> {
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', end);
      resolve({ code, signal });
    });
  });
}

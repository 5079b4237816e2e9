/**
 * Runs the program `dcv` as a child process: never through a shell, for a limited time, with a limited output, and only a few at a time. What goes
 * wrong with the program itself is told apart from what it says.
 */
import { spawn } from 'node:child_process';
import { childEnvironment } from '../../adapters/child-environment.ts';
import { createTurns } from './turns.ts';

export interface CommandLimits {
  /** From the start of the process on, not of the wait for its turn. */
  readonly timeoutMs: number;
  /** Of stdout and of stderr each. */
  readonly maxBytes: number;
}

/** It ran and ended by itself. */
export interface CommandEnd {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The program could not be run to its end. The message is a sentence for the session's StateReason or the server's health. */
class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Rejects with a CommandError. */
export type RunCommand = (parameters: readonly string[], limits: CommandLimits) => Promise<CommandEnd>;

/** Processes of the program at the same time: a host with a hundred sessions must not start a hundred at once. */
const AT_ONCE = 4;
/** Calls beyond those that may wait for their turn. */
const WAITING = 1000;

/** `path` is where the program lies. */
export function createCommand(path: string): RunCommand {
  const inTurn = createTurns(AT_ONCE, WAITING);
  return (parameters, limits) =>
    inTurn(
      () => run(path, parameters, limits),
      () => new CommandError('Too many calls of the DCV server are waiting already'),
    );
}

function run(path: string, parameters: readonly string[], { timeoutMs, maxBytes }: CommandLimits): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const child = start(path, parameters);
    const stdout = collector(child.stdout, maxBytes, () => giveUp(`printed more than ${maxBytes} bytes and was stopped`));
    const stderr = collector(child.stderr, maxBytes, () => giveUp(`printed more than ${maxBytes} bytes of messages and was stopped`));
    const timers = [setTimeout(() => giveUp(`did not end within ${timeoutMs / 1000} s and was stopped`), timeoutMs)];

    function settle(action: () => void): void {
      for (const timer of timers) clearTimeout(timer);
      child.stdout.destroy();
      child.stderr.destroy();
      action();
    }

    /** Without waiting for its end: a process that hangs in the kernel dies only when that lets go of it. */
    function giveUp(what: string): void {
      killGroup(child.pid);
      settle(() => reject(new CommandError(`${called(parameters)} ${what}`)));
    }

    function ended(code: number | null, signal: NodeJS.Signals | null): void {
      settle(() => {
        if (code === null) reject(new CommandError(`${called(parameters)} was ended by ${signal}`));
        else resolve({ code, stdout: stdout(), stderr: stderr().toString('utf8') });
      });
    }

    child.on('error', (error: NodeJS.ErrnoException) => settle(() => reject(new CommandError(cannotStart(path, error)))));
    child.on('close', ended);
    // Something that it started and left behind may hold its output open.
    child.on('exit', (code, signal) => timers.push(setTimeout(() => ended(code, signal), REMAINS_MS)));
  });
}

/** Until what a process has printed is read, once it has ended. */
const REMAINS_MS = 1000;
const isWindows = process.platform === 'win32';

function start(path: string, parameters: readonly string[]) {
  try {
    // A group of its own, so that nothing it started outlives it when it is killed. What is understood of its messages is English.
    const env = { ...childEnvironment(), LC_ALL: 'C.UTF-8', LANGUAGE: '' };
    return spawn(path, parameters, { cwd: '/', detached: !isWindows, env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new CommandError(cannotStart(path, error as NodeJS.ErrnoException));
  }
}

function collector(stream: NodeJS.ReadableStream, maxBytes: number, tooMuch: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) tooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

function killGroup(pid: number | undefined): void {
  /* c8 ignore next */ // It cannot be stopped for its output before it has an id.
  if (pid === undefined) return;
  try {
    process.kill(isWindows ? pid : -pid, 'SIGKILL');
    /* c8 ignore next 3 */ // Unless it ended just now.
  } catch {
    return;
  }
}

/** As an operator would say it: `dcv list-sessions`. */
const called = ([command]: readonly string[]): string => `dcv ${command}`;

function cannotStart(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `There is no program ${path}, or what runs it is missing; dcv_root in agent.conf says where it is`;
  if (code === 'EACCES') return `The program ${path} is not executable for the agent's user; dcv_root in agent.conf says where it is`;
  return `The program ${path} cannot be started: ${message}`;
}

/** The processes that `berth start` starts: each runs `berth` itself, tells when it is ready, and ends when this process does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../domain/ports/clock.ts';
import { READY } from './lifetime.ts';

/** How a process ended, as a phrase: `exit code 1`, `signal SIGKILL`. */
export type Ending = string;

export interface Child {
  /** Resolves with true when it says so, with false when it ends before. */
  readonly ready: Promise<boolean>;
  readonly ended: Promise<Ending>;
  /** Asks it to end and waits; what is still there after `patienceMs` is killed. */
  stop(patienceMs: number): Promise<void>;
}

/** `env`: what it may know of the environment. Its errors go where ours go; it has no input, and its output is ours to say. */
export function startChild(parameters: readonly string[], clock: Clock, env: NodeJS.ProcessEnv = process.env): Child {
  const berth = fileURLToPath(new URL('berth.js', import.meta.url));
  const child = spawn(process.execPath, ['--enable-source-maps', berth, ...parameters], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = endOf(child);
  return {
    ended,
    ready: Promise.race([saysReady(child), ended.then(() => false)]),
    async stop(patienceMs) {
      child.kill('SIGTERM');
      const impatience = clock.after(patienceMs, () => child.kill('SIGKILL'));
      await ended;
      impatience.cancel();
    },
  };
}

function saysReady(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    child.on('message', (message: { readonly kind?: unknown }) => {
      if (message.kind === READY.kind) resolve(true);
    });
  });
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
}

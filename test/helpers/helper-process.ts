/** Starts a helper program of this folder as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export interface HelperProcess {
  readonly pid: number;
  /** What it has said so far. */
  readonly lines: readonly string[];
  /** Resolves when a line it said after the first `from` is as asked, and fails when the process ends before. */
  said(isIt: (line: string) => boolean, from?: number): Promise<void>;
  /** SIGKILL, and all it said is read. */
  kill(): Promise<void>;
}

/** `limits` goes before the program in a shell, such as `ulimit -S -f 1000;`. */
export function startHelper(t: Test, name: string, parameter: string, limits = ''): HelperProcess {
  const program = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  // What tap puts into every process ends it on the signal that a file is too large, which a program by itself takes for a full disk.
  const command = `unset NODE_OPTIONS NODE_V8_COVERAGE; ${limits} exec "$0" "$@"`;
  const child: ChildProcess = spawn('sh', ['-c', command, process.execPath, program, parameter], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let over = false;
  const closed = once(child, 'close').then(() => {
    over = true;
  });
  if (child.stdout === null || child.pid === undefined) {
    throw new Error(`${name} did not start.`);
  }
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await closed;
  }
  t.teardown(kill);
  return {
    pid: child.pid,
    lines,
    async said(isIt, from = 0) {
      while (!lines.slice(from).some(isIt)) {
        if (over) {
          throw new Error(`${name} ended, having said: ${lines.slice(from).join(' ')}`);
        }
        await sleep(2);
      }
    },
    kill,
  };
}

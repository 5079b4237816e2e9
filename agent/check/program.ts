/** One run of a program of the host, which may hang, talk without end, or not be there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { childEnvironment } from '../../adapters/child-environment.ts';

export type Ran =
  | { readonly code: number; readonly stdout: string; readonly stderr: string }
  /** It could not be started, or did not end in time. */
  | { readonly failed: 'missing' | 'forbidden' | 'late' | string };

/** More than any answer of `dcv` that we ask for. */
const MAX_OUTPUT = 1024 * 1024;

export function run(program: string, parameters: readonly string[], timeoutMs: number): Promise<Ran> {
  return new Promise((resolve) => {
    // In a group of its own, so that what it started ends with it.
    const child = spawn(program, parameters, {
      detached: true,
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const impatience = setTimeout(() => {
      end(child);
      resolve({ failed: 'late' });
    }, timeoutMs);
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      clearTimeout(impatience);
      resolve({ failed: FAILURES[String(code)] ?? message });
    });
    child.once('close', (code) => {
      clearTimeout(impatience);
      resolve({ code: code ?? 1, stdout: stdout(), stderr: stderr() });
    });
  });
}

const FAILURES: Readonly<Record<string, string>> = { ENOENT: 'missing', EACCES: 'forbidden' };

/** The beginning of what it says. */
function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (part: string) => {
    if (text.length < MAX_OUTPUT) text += part;
  });
  return () => text;
}

function end({ pid, stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
  /* c8 ignore next 6 -- whether it ended by itself just before is a matter of microseconds */
  try {
    if (pid !== undefined) process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/**
 * npm runs a script through a shell. A signal that npm passes on ends the shell and goes no further, and a shell does not end when npm is
 * killed: either way our process would be left behind. So a process that npm started looks, now and then, whether npm is still there.
 */
import { readFileSync } from 'node:fs';

/** The scripts of package.json that run this program. */
const SCRIPTS = ['start', 'berth'];
const INTERVAL_MS = 500;

/** Calls `gone` once when npm, or the shell between, has ended. Does nothing for a process that was not started by npm, and keeps none alive. */
export function watchNpm(environment: NodeJS.ProcessEnv, gone: () => void): void {
  const { npm_lifecycle_event: script = '', npm_package_name: name } = environment;
  if (name !== 'berth' || !SCRIPTS.includes(script)) return;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    gone();
  }, INTERVAL_MS);
  timer.unref();
}

/** The parent and, where that is npm's shell and the system tells, the parent's parent. */
function ancestors(): string {
  const { ppid } = process;
  return `${ppid} ${inProc(ppid, 'cmdline').startsWith('sh\0-c\0') ? parentOf(ppid) : ''}`;
}

/** The field behind the state, which stands behind the name in parentheses; the name may hold anything. */
function parentOf(pid: number): string | undefined {
  return inProc(pid, 'stat').replace(/^.*\)/s, '').trim().split(' ')[1];
}

/** Empty where there is no such process, or no /proc. */
function inProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    /* c8 ignore start -- only systems without /proc, and a parent that ends at this very moment, get here. */
  } catch {
    return '';
  }
  /* c8 ignore stop */
}

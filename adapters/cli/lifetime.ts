/** When a process of Berth ends: on a signal, or when the process that started it is gone. And what else it hears from the outside. */
import { watchNpm } from './npm-parent.ts';

/** Between processes of `berth start`: the child can be used now. */
export const READY = { kind: 'ready' } as const;

/** Whether `berth start` is the parent: it talks to its children over a channel, which closes when it ends, however it ends. */
export const isSupervised = (): boolean => process.send !== undefined;

/**
 * Resolves when this process is asked to end. Calling it takes the signals over, so it comes first and once. To a service without a terminal, SIGHUP does not
 * mean that it is to end.
 */
export function endRequested(kind: 'command' | 'service' = 'command'): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve());
    process.once('disconnect', () => resolve());
    watchNpm(process.env, resolve);
    // Ctrl-C and the end of a terminal go to all its processes at once. Who is supervised leaves it to the parent to end things in order.
    process.on('SIGINT', () => {
      if (!isSupervised()) resolve();
    });
    process.on('SIGHUP', () => {
      if (!isSupervised() && (kind === 'command' || hasTerminal())) resolve();
    });
  });
}

/** Calls `reload` when a service is told to read its files again. */
export function onReload(reload: () => void): void {
  process.on('SIGHUP', () => {
    if (!hasTerminal()) reload();
  });
}

const hasTerminal = (): boolean => process.stdin.isTTY || process.stderr.isTTY;

/** Says that this process is ready, if there is a parent to hear it. */
export function announceReady(): void {
  process.send?.(READY);
}

/** A key that is held down, and npm, which passes on what its children have got already, send a signal twice. */
const ONE_WISH_MS = 500;
/** As shells report a process that a signal has ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Waits for an ending that ought to be over within `patienceMs`. If it is not, or if somebody asks a second time, the process ends all the same, and not as
 * a success. Nothing is lost by it: what was acknowledged is on disk.
 */
export async function endWithin(patienceMs: number, ending: Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const giveUp = (sentence: string, code: number): void => {
    process.stderr.write(`${sentence}\n`);
    process.exit(code);
  };
  const impatience = setTimeout(() => giveUp(`Not ended within ${patienceMs / 1000} s; giving up on an orderly end.`, 1), patienceMs);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (performance.now() - startedAt < ONE_WISH_MS || isSupervised()) return;
      giveUp(`${signal} while it was ending; giving up on an orderly end.`, EXIT_CODES[signal]);
    });
  }
  await ending;
  clearTimeout(impatience);
}

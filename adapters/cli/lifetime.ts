/** When a process of Berth ends: on a signal, or when the process that started it is gone. */
import { watchNpm } from './npm-parent.ts';

/** Between processes of `berth start`: the child can be used now. */
export const READY = { kind: 'ready' } as const;

/** Whether `berth start` is the parent: it talks to its children over a channel, which closes when it ends, however it ends. */
export const isSupervised = (): boolean => process.send !== undefined;

/** Resolves when this process is asked to end. Calling it takes the signals over, so it comes first and once. */
export function endRequested(): Promise<void> {
  return new Promise((resolve) => {
    process.on('SIGTERM', () => resolve());
    process.once('disconnect', () => resolve());
    watchNpm(process.env, resolve);
    // Ctrl-C goes to all processes of a terminal at once. Who is supervised leaves it to the parent to end things in order.
    process.on('SIGINT', () => {
      if (!isSupervised()) resolve();
    });
  });
}

/** Says that this process is ready, if there is a parent to hear it. */
export function announceReady(): void {
  process.send?.(READY);
}

/** Waits for an ending that ought to be over within `patienceMs`; if it is not, the process ends all the same, and not as a success. */
export async function endWithin(patienceMs: number, ending: Promise<void>): Promise<void> {
  const impatience = setTimeout(() => {
    process.stderr.write(`Not ended within ${patienceMs / 1000} s; giving up on an orderly end.\n`);
    process.exit(1);
  }, patienceMs);
  await ending;
  clearTimeout(impatience);
}

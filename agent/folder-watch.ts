/** Tells when something in some folders may have changed. A hint: whoever is told looks, and also looks now and then without being told. */
import { type FSWatcher, watch } from 'node:fs';
import type { Clock, Timer } from '../domain/ports/clock.ts';

export interface FolderWatch {
  /** Begins anew with all folders: one that is made again under its old name is another one to the system. To be called with every look. */
  renew(): void;
  close(): void;
}

/** An editor changes a file in several steps. */
const QUIET_MS = 300;

export function watchFolders(folders: readonly string[], clock: Clock, changed: () => void): FolderWatch {
  const watchers = new Map<string, FSWatcher>();
  let timer: Timer | undefined;

  function soon(): void {
    timer?.cancel();
    timer = clock.after(QUIET_MS, changed);
  }

  function open(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, soon);
      // The folder is gone, or the system has no watchers left.
      watcher.on('error', () => forget(folder));
      watchers.set(folder, watcher);
    } catch {
      // It is not there, or cannot be watched.
    }
  }

  function forget(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }

  function renew(): void {
    for (const folder of folders) {
      forget(folder);
      open(folder);
    }
  }

  renew();
  return {
    renew,
    close() {
      timer?.cancel();
      for (const folder of folders) forget(folder);
    },
  };
}

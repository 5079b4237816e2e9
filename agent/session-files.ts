/** Which files of the host a session may start: those inside the agent's own folders, whatever the request says. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { SessionSpec } from '../domain/session/events.ts';

export interface Folders {
  readonly initFolder: string;
  readonly autorunFolder: string;
}

/** Absolute paths, or a sentence for the session's StateReason. `initFilePath`, the deprecated full path, is taken as it is. */
export function sessionFiles(
  spec: SessionSpec,
  folders: Folders,
): { readonly initPath?: string | undefined; readonly autorunPath?: string | undefined } | { readonly failed: string } {
  const initPath = spec.initFile === undefined ? spec.initFilePath : inside(folders.initFolder, spec.initFile);
  const autorunPath = spec.autorunFile === undefined ? undefined : inside(folders.autorunFolder, spec.autorunFile);
  if (initPath === null) return { failed: `The init file '${spec.initFile}' is not inside the agent's init folder` };
  if (autorunPath === null) return { failed: `The autorun file '${spec.autorunFile}' is not inside the agent's autorun folder` };
  return { initPath, autorunPath };
}

function inside(folder: string, name: string): string | null {
  const path = resolve(folder, name);
  const way = relative(folder, path);
  return way === '' || way.startsWith('..') || isAbsolute(way) || isAbsolute(name) ? null : path;
}

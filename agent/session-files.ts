/** Which files of the host a session may start: those inside the agent's own folders, whatever the request says. Drivers of real hosts look at the files, too. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { SessionSpec } from '../domain/session/events.ts';

export interface Folders {
  readonly initFolder: string;
  readonly autorunFolder: string;
}

/** Absolute paths, or a sentence for the session's StateReason. `initFilePath` is the deprecated full path. */
export function sessionFiles(
  { initFile, initFilePath, autorunFile }: SessionSpec,
  { initFolder, autorunFolder }: Folders,
): { readonly initPath?: string | undefined; readonly autorunPath?: string | undefined } | { readonly failed: string } {
  const initPath = initFile === undefined ? fullPath(initFolder, initFilePath) : named(initFolder, initFile);
  const autorunPath = named(autorunFolder, autorunFile);
  if (initPath === null) return { failed: `The init file '${initFile ?? initFilePath}' is not inside the agent's init folder` };
  if (autorunPath === null) return { failed: `The autorun file '${autorunFile}' is not inside the agent's autorun folder` };
  return { initPath, autorunPath };
}

/** Whether an absolute path is below a folder, going by their names. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !/^\.\.(?:[/\\]|$)/.test(way) && !isAbsolute(way);
}

function named(folder: string, name: string | undefined): string | null | undefined {
  return name === undefined ? undefined : isAbsolute(name) ? null : fullPath(folder, resolve(folder, name));
}

function fullPath(folder: string, path: string | undefined): string | null | undefined {
  return path === undefined ? undefined : isAbsolute(path) && isInside(folder, path) ? path : null;
}

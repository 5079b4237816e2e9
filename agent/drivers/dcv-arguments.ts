/** Command lines of `dcv`. A value that the program could take for a flag, or cut off, does not get that far. */
import type { PictureWish, SessionWish } from './driver.ts';

export type CommandLine = { readonly parameters: readonly string[] } | { readonly failed: string };

/** Where on the host the files of a session are, if it has any. */
export interface SessionPaths {
  readonly initPath?: string | undefined;
  readonly permissionsPath?: string | undefined;
}

/** A value, and what it is called when it is refused. */
interface Value {
  readonly flag?: string;
  readonly value: string;
  readonly what: string;
}

/** `isRoot`: only root may say under which user a virtual session runs; for others the DCV server takes the owner. */
export function createSession({ localId, spec }: SessionWish, { initPath, permissionsPath }: SessionPaths, isRoot: boolean): CommandLine {
  const { name, owner, sessionType, dcvGlEnabled, maxConcurrentClients, storageRoot } = spec;
  const isVirtual = sessionType === 'VIRTUAL';
  const optional: readonly (Value | false)[] = [
    isVirtual && isRoot && { flag: '--user', value: owner, what: 'owner' },
    permissionsPath !== undefined && { flag: '--permissions-file', value: permissionsPath, what: 'path of the permissions file' },
    storageRoot !== undefined && { flag: '--storage-root', value: storageRoot, what: 'storage root' },
    isVirtual && dcvGlEnabled !== undefined && { flag: '--gl', value: dcvGlEnabled ? 'on' : 'off', what: 'use of OpenGL' },
    maxConcurrentClients !== undefined && {
      flag: '--max-concurrent-clients',
      value: String(maxConcurrentClients),
      what: 'limit of clients',
    },
    initPath !== undefined && { flag: '--init', value: initPath, what: 'path of the init file' },
  ];
  return line('create-session', [
    { flag: '--type', value: isVirtual ? 'virtual' : 'console', what: 'type' },
    { flag: '--name', value: name, what: 'name' },
    { flag: '--owner', value: owner, what: 'owner' },
    ...optional.filter((value) => value !== false),
    idOf(localId),
  ]);
}

export function aboutSession(command: 'close-session' | 'describe-session' | 'list-connections', localId: string): CommandLine {
  return line(command, [idOf(localId)]);
}

export function setPermissions(localId: string, path: string): CommandLine {
  return line('set-permissions', [
    { ...idOf(localId), flag: '--session' },
    { flag: '--file', value: path, what: 'path of the permissions file' },
  ]);
}

export function getScreenshot(localId: string, { maxWidth, maxHeight, format }: PictureWish): CommandLine {
  return line('get-screenshot', [
    { flag: '--max-width', value: String(maxWidth), what: 'width' },
    { flag: '--max-height', value: String(maxHeight), what: 'height' },
    { flag: '--format', value: format.toUpperCase(), what: 'format' },
    idOf(localId),
  ]);
}

const idOf = (localId: string): Value => ({ value: localId, what: 'session id' });

function line(command: string, values: readonly Value[]): CommandLine {
  const faults = values.map(faultOf).filter((fault) => fault !== undefined);
  if (faults.length > 0) return { failed: faults.join(' ') };
  return { parameters: [command, ...values.flatMap(({ flag, value }) => (flag === undefined ? [value] : [flag, value]))] };
}

function faultOf({ value, what }: Value): string | undefined {
  if (value === '') return `The ${what} is empty.`;
  if (value.startsWith('-')) return `The ${what} begins with "-", so that the DCV server would take it for a flag.`;
  return /\p{Cc}/u.test(value) ? `The ${what} has control characters.` : undefined;
}

/** What is made ready before a session is: whether its host takes such a session, and the files that it needs there. */
import { isAbsolute, win32 } from 'node:path';
import { decodePermissions, permissionsFaults } from '../../adapters/wire/permissions-file.ts';
import type { SessionSpec } from '../../domain/session/events.ts';
import type { Folders } from '../session-files.ts';
import { autorunScript } from './autorun.ts';
import type { SessionPaths } from './dcv-arguments.ts';
import type { DcvFiles } from './dcv-files.ts';
import type { SessionWish } from './driver.ts';
import { hostProgram } from './host-program.ts';

export interface Preparing {
  readonly folders: Folders;
  readonly files: DcvFiles;
  /** The init program of sessions without one of their own. */
  readonly defaultInit: string;
}

type Prepared = SessionPaths | { readonly failed: string };

/** Of all arguments of an autorun file together, in bytes: what fits on a command line of any system. The broker has narrower limits for their number. */
const MAX_ARGUMENT_BYTES = 64 * 1024;

/** `osFamily`: of the host. Throws a sentence for the session's StateReason when a file cannot be written. */
export async function prepareSession({ localId, spec, ...paths }: SessionWish, osFamily: string, preparing: Preparing): Promise<Prepared> {
  const fault = typeFault(spec, osFamily) ?? argumentsFault(spec) ?? storageFault(spec, osFamily);
  if (fault !== undefined) return { failed: fault };
  const permissions = spec.permissionsFile === undefined ? undefined : readPermissions(spec.permissionsFile);
  if (permissions !== undefined && 'failed' in permissions) return permissions;
  const init = await initProgram({ localId, spec, ...paths }, preparing);
  if (init !== undefined && 'failed' in init) return init;
  const permissionsPath = permissions && (await preparing.files.writePermissions(localId, permissions.text));
  return { initPath: init?.path, permissionsPath };
}

/** From base64. */
export function readPermissions(base64: string): { readonly text: string } | { readonly failed: string } {
  const decoded = decodePermissions(base64);
  const faults = 'fault' in decoded ? [decoded.fault] : permissionsFaults(decoded.text);
  return 'fault' in decoded || faults.length > 0 ? { failed: `The permissions file ${faults.join('; ')}` } : decoded;
}

const SYSTEMS: Readonly<Record<string, string>> = { linux: 'Linux', windows: 'Windows', macos: 'macOS' };

/** The table of the original's guide: what a session of this type on this system takes. */
function typeFault(spec: SessionSpec, osFamily: string): string | undefined {
  const system = SYSTEMS[osFamily] ?? osFamily;
  if (spec.sessionType === 'VIRTUAL') return osFamily === 'linux' ? undefined : `Virtual sessions are not supported on ${system}`;
  const virtualOnly: Readonly<Record<string, unknown>> = {
    InitFile: spec.initFile,
    InitFilePath: spec.initFilePath,
    DcvGlEnabled: spec.dcvGlEnabled,
    AutorunFileArguments: spec.autorunFileArguments?.length,
  };
  const [given] = Object.entries(virtualOnly).filter(([, value]) => Boolean(value));
  if (given !== undefined) return `${given[0]} is not supported for a console session on ${system}`;
  if (spec.autorunFile === undefined) return undefined;
  return osFamily === 'windows'
    ? 'AutorunFile is not supported by this agent on Windows, where it would have to run when the owner logs in'
    : `AutorunFile is not supported for a console session on ${system}`;
}

function argumentsFault({ autorunFile, autorunFileArguments = [] }: SessionSpec): string | undefined {
  if (autorunFileArguments.length === 0) return undefined;
  if (autorunFile === undefined) return 'AutorunFileArguments needs an AutorunFile';
  const unsafe = autorunFileArguments.findIndex((argument) => /\p{Cc}/u.test(argument));
  if (unsafe >= 0) return `AutorunFileArguments[${unsafe}] has control characters`;
  const bytes = autorunFileArguments.reduce((sum, argument) => sum + Buffer.byteLength(argument), 0);
  return bytes > MAX_ARGUMENT_BYTES ? `AutorunFileArguments are longer than ${MAX_ARGUMENT_BYTES} bytes` : undefined;
}

/** The DCV server itself puts the owner's home in the place of `%home%`. */
function storageFault({ storageRoot }: SessionSpec, osFamily: string): string | undefined {
  if (storageRoot === undefined || /^%home%(?:[/\\]|$)/.test(storageRoot)) return undefined;
  const isFull = osFamily === 'windows' ? win32.isAbsolute(storageRoot) : isAbsolute(storageRoot);
  return isFull ? undefined : `The storage root '${storageRoot}' is neither a full path nor begins with %home%`;
}

type Program = { readonly path: string } | { readonly failed: string };

async function initProgram({ localId, spec, initPath, autorunPath }: SessionWish, preparing: Preparing): Promise<Program | undefined> {
  const { folders, files, defaultInit } = preparing;
  const own = initPath === undefined ? undefined : await hostProgram(initPath, folders.initFolder, 'init');
  if (autorunPath === undefined || (own !== undefined && 'failed' in own)) return own;
  const autorun = await hostProgram(autorunPath, folders.autorunFolder, 'autorun');
  if ('failed' in autorun) return autorun;
  const parameters = spec.autorunFileArguments ?? [];
  const script = autorunScript({ autorunPath: autorun.path, parameters, initPath: own?.path ?? defaultInit });
  return { path: await files.writeInit(localId, script) };
}

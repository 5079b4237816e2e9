/** The folder a broker keeps its data in, and the claim that makes it the only one there. It ends with the process. */
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type FileLock, lockFile } from './file-lock.ts';
import { refuseNetworkFileSystem } from './file-system.ts';

export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  /** Lets another broker have it. */
  release(): Promise<void>;
}

/** Another broker has it. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
}

/** Long enough for the broker before to end when it is restarted. */
const PATIENCE_MS = 500;

/** Makes the folder if it is missing (0700), and claims it for this process. Throws with one sentence for the operator when it cannot, FolderInUseError where somebody else has it. */
export async function claimDataFolder(folder: string): Promise<DataFolder> {
  const path = resolve(folder);
  await ensureFolder(path);
  refuseNetworkFileSystem(path, (await statfs(path)).type);
  const lock = await takeLock(path);
  try {
    // Only for whoever finds the folder in use. It also proves that the folder can be written.
    await writeFile(join(path, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
  } catch (cause) {
    await lock.release();
    throw notWritable(path, cause);
  }
  return { path, release: lock.release };
}

const PID_FILE = 'broker.pid';

async function ensureFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST' || codeOf(cause) === 'ENOTDIR') {
      throw new Error(`The data folder ${path} is not a folder.`, { cause });
    }
    throw new Error(`The data folder ${path} cannot be made (${codeOf(cause)}).`, { cause });
  }
}

async function takeLock(path: string): Promise<FileLock> {
  const lock = await lockFile(join(path, 'broker.lock'), PATIENCE_MS).catch((cause: unknown) => {
    throw notWritable(path, cause);
  });
  if (lock === undefined) throw await inUse(path);
  return lock;
}

async function inUse(path: string): Promise<Error> {
  const pid = await readFile(join(path, PID_FILE), 'utf8').catch(() => '');
  const who = pid.trim() ? ` (process ${pid.trim()})` : '';
  return new FolderInUseError(`The data folder ${path} is in use by another broker${who}.`);
}

function notWritable(path: string, cause: unknown): Error {
  return new Error(`The data folder ${path} is not writable (${codeOf(cause)}).`, { cause });
}

/** Node and SQLite both name what is wrong in `code`. */
function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

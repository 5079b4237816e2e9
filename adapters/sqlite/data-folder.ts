/**
 * The folder a broker keeps its data in, and the claim that makes it the only one there. The claim is a transaction held open on an
 * empty SQLite file: the operating system lets go of its lock when the process ends, however it ends, so nothing stale can stay behind.
 */
import { mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Connection, openConnection } from './connection.ts';
import { refuseNetworkFileSystem } from './file-system.ts';

export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  /** Lets another broker have it. */
  release(): Promise<void>;
}

/** Long enough for the broker before to end when it is restarted. */
const PATIENCE_MS = 500;

/** Makes the folder if it is missing (0700), and claims it for this process. Throws with one sentence for the operator when it cannot. */
export async function claimDataFolder(folder: string): Promise<DataFolder> {
  const path = resolve(folder);
  await ensureFolder(path);
  refuseNetworkFileSystem(path, (await statfs(path)).type);
  const lock = await takeLock(path);
  try {
    // Only for whoever finds the folder in use. It also proves that the folder can be written.
    await writeFile(join(path, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
  } catch (cause) {
    await lock.close();
    throw notWritable(path, cause);
  }
  return { path, release: () => lock.close() };
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

async function takeLock(path: string): Promise<Connection> {
  // No other access to this file in this process: closing any other handle to it would let go of the lock (POSIX).
  const lock = await openConnection(join(path, 'broker.lock'), { busyTimeoutMs: PATIENCE_MS }).catch((cause: unknown) => {
    throw notWritable(path, cause);
  });
  try {
    await lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    await lock.close();
    throw codeOf(cause) === 'SQLITE_BUSY' ? await inUse(path, cause) : notWritable(path, cause);
  }
}

async function inUse(path: string, cause: unknown): Promise<Error> {
  const pid = await readFile(join(path, PID_FILE), 'utf8').catch(() => '');
  const who = pid.trim() ? ` (process ${pid.trim()})` : '';
  return new Error(`The data folder ${path} is in use by another broker${who}.`, { cause });
}

function notWritable(path: string, cause: unknown): Error {
  return new Error(`The data folder ${path} is not writable (${codeOf(cause)}).`, { cause });
}

/** Node and SQLite both name what is wrong in `code`. */
function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

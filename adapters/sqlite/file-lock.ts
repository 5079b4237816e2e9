/**
 * A lock that ends with its process, however that ends: a transaction held open on an empty SQLite file. The operating system lets go of it, so nothing
 * stale can stay behind.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { PRIVATE_MODE } from '../files.ts';
import { openConnection } from './connection.ts';

export interface FileLock {
  release(): Promise<void>;
}

/** Makes the file if it is missing. Undefined: somebody else holds it, and still did after `patienceMs`. Throws what SQLite says of a file that cannot be used. */
export async function lockFile(file: string, patienceMs: number): Promise<FileLock | undefined> {
  await closeToOthers(file);
  // No other access to this file in this process: closing any other handle to it would let go of the lock (POSIX).
  const connection = await openConnection(file, { busyTimeoutMs: patienceMs });
  try {
    await connection.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return { release: () => connection.close() };
  } catch (error) {
    await connection.close();
    if ((error as NodeJS.ErrnoException).code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
}

/** Whoever may read a file may also hold a lock on it, and nobody else is to keep a broker from starting. Neither opens one that is there. What fails, SQLite tells. */
async function closeToOthers(file: string): Promise<void> {
  await writeFile(file, '', { flag: 'wx', mode: PRIVATE_MODE }).catch(() => chmod(file, PRIVATE_MODE).catch(() => undefined));
}

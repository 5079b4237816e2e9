/**
 * Where a running broker can be administered from its own machine: a Unix domain socket in a folder that only its user can enter (a named pipe on Windows).
 * Its address stands in a file in the data folder, because paths of sockets must be short, and a data folder may lie deep.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PRIVATE_MODE, replaceFile } from './files.ts';

const FOLDER = 'admin';
const ADDRESS_FILE = 'address';
const SOCKET = 'admin.sock';
/** In bytes, on macOS; Linux takes 107. A longer one would be cut off without an error. */
const MAX_PATH_BYTES = 103;
const TEMPORARY = 'berth-admin-';

/** Rejects with ENOENT where no broker ever wrote it. */
export const readAddress = async (dataDir: string): Promise<string> => (await readFile(join(dataDir, FOLDER, ADDRESS_FILE), 'utf8')).trim();

/** An address to listen on, which nobody listens on: whoever calls it has claimed the data folder. What a broker that was killed left there is removed. */
export async function prepareAddress(dataDir: string, platform = process.platform): Promise<string> {
  const folder = join(dataDir, FOLDER);
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  await removeAddress(dataDir);
  const address = platform === 'win32' ? `\\\\.\\pipe\\berth-${randomUUID()}` : await socketPath(folder);
  await replaceFile(join(folder, ADDRESS_FILE), `${address}\n`, PRIVATE_MODE);
  return address;
}

/** Takes away the socket, a folder that was made for it, and the file that leads there. */
export async function removeAddress(dataDir: string): Promise<void> {
  const address = await readAddress(dataDir).catch(() => undefined);
  if (address === undefined) return;
  if (address === join(dataDir, FOLDER, SOCKET)) await rm(address, { force: true });
  else if (dirname(address).startsWith(join(tmpdir(), TEMPORARY))) await rm(dirname(address), { recursive: true, force: true });
  await rm(join(dataDir, FOLDER, ADDRESS_FILE), { force: true });
}

/** `mkdtemp` makes folders that only their user can enter. */
async function socketPath(folder: string): Promise<string> {
  const path = join(folder, SOCKET);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
  return join(await mkdtemp(join(tmpdir(), TEMPORARY)), SOCKET);
}

/** The agent's own id and secret, on disk: a file that nobody else may read. */
import { chmod, stat } from 'node:fs/promises';
import { z } from 'zod';
import { PRIVATE_MODE } from '../adapters/files.ts';
import type { Logger } from '../adapters/logging.ts';
import { readIfThere } from './file-storage.ts';

export interface Client {
  readonly id: string;
  readonly secret: string;
}

const clientSchema: z.ZodType<Client> = z.object({ id: z.string().min(1), secret: z.string().min(1) });

/** What others than its owner may do with a file. */
const OTHERS = 0o077;

/** Undefined where there is none. A file that others may read is closed to them, and logged: what they have read meanwhile is for people to judge. */
export async function keptClient(path: string, log: Logger): Promise<Client | undefined> {
  const client = await readClient(path);
  if (client !== undefined) await closeToOthers(path, log);
  return client;
}

/** Changes nothing. Rejects where the file cannot be read, or is damaged. */
export async function readClient(path: string): Promise<Client | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const client = clientSchema.safeParse(jsonIn(text));
  if (client.success) return client.data;
  throw new Error(
    `the credentials of this agent in ${path} are damaged; without that file and server-id beside it, it enrols as a new server`,
  );
}

async function closeToOthers(path: string, log: Logger): Promise<void> {
  const { mode } = await stat(path);
  /* c8 ignore next */ // Windows keeps its permissions elsewhere than in modes, and tests run on Linux.
  if (process.platform === 'win32' || (mode & OTHERS) === 0) return;
  await chmod(path, PRIVATE_MODE);
  log.warn(
    { path },
    'the credentials of this agent could be read by others; they cannot any more, but whoever has read them can pass for this server',
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

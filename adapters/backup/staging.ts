/** A folder that appears whole or not at all: it is filled beside its place, brought to disk, and renamed. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Throws with a sentence for the operator where something is at `folder` already, or it cannot be made. What was begun is taken away then. */
export async function makeFolder(folder: string, fill: (draft: string) => Promise<void>): Promise<void> {
  await refuseFilled(folder);
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  const draft = join(parent, `.${basename(folder)}-${randomUUID()}`);
  await mkdir(draft, { mode: 0o700 });
  try {
    await fill(draft);
    for (const entry of await readdir(draft, { recursive: true })) await bringToDisk(join(draft, entry));
    await bringToDisk(draft);
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  await bringToDisk(parent);
}

/** An empty folder is as good as none: `rename` takes its place. */
async function refuseFilled(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => error.code);
  if (found === 'ENOENT') return;
  if (!Array.isArray(found)) throw new Error(`${folder} is not a folder that can be read (${found}).`);
  if (found.length > 0) throw new Error(`${folder} is not empty; nothing was changed.`);
}

async function bringToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

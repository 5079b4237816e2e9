/** Where benchmarks write: in the build, and not in the temporary folder, which may be kept in memory, where nothing is durable. */
import { mkdtemp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Gives `work` a new folder and removes it afterwards. */
export async function inFolder<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(fileURLToPath(new URL(`../${name}-`, import.meta.url)));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Makes a data folder from a backup, after a look at every byte of it. The backup stays as it is. */
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { damageOf, type Manifest, readManifest } from './manifest.ts';
import { makeFolder } from './staging.ts';

/** `dataFolder` must not be there, or be empty. Throws with what is damaged, or in the way; nothing is changed then. */
export async function restoreBackup(backup: string, dataFolder: string): Promise<Manifest> {
  const manifest = await readManifest(backup);
  refuseDamage(backup, await damageOf(backup, manifest.files));
  await makeFolder(dataFolder, async (draft) => {
    for (const { path } of manifest.files) {
      await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
      await copyFile(join(backup, path), join(draft, path));
    }
    // A disk that is about to fail may read well once.
    refuseDamage(draft, await damageOf(draft, manifest.files));
  });
  return manifest;
}

function refuseDamage(folder: string, damage: readonly string[]): void {
  if (damage.length > 0) throw new Error([`The backup in ${folder} is damaged:`, ...damage].join('\n'));
}

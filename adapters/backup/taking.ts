/** Copies what a broker keeps, beside a running broker or without one. The log is copied as it stands at one moment; nobody waits for it. */
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PRIVATE_MODE, replaceFile } from '../files.ts';
import { copyLog, type LogCopy } from '../sqlite/log-copy.ts';
import { ARCHIVE_FOLDER, CLUSTER_KEY_FILE, LOG_FILE, SMALL_FILES } from './contents.ts';
import { describeFile, MANIFEST_FILE, type Manifest } from './manifest.ts';
import { makeFolder } from './staging.ts';

/** `target` must not be there, or be empty; it is there when this resolves, whole and on disk. Throws with a sentence for the operator. */
export async function takeBackup(dataFolder: string, target: string, now: () => number): Promise<Manifest> {
  if (![LOG_FILE, CLUSTER_KEY_FILE].some((path) => existsSync(join(dataFolder, path)))) {
    throw new Error(`${dataFolder} is not the data folder of a broker: it holds neither ${LOG_FILE} nor ${CLUSTER_KEY_FILE}.`);
  }
  let manifest: Manifest | undefined;
  await makeFolder(target, async (draft) => {
    const small = await copyThose(dataFolder, draft, SMALL_FILES);
    const time = new Date(now()).toISOString();
    const log = await logOf(dataFolder, draft);
    const archives = await copyThose(dataFolder, draft, await archivesIn(dataFolder));
    const paths = [...small, ...(log === null ? [] : [LOG_FILE]), ...archives];
    const files = await Promise.all(paths.map((path) => describeFile(draft, path)));
    manifest = { format: 1, time, log, files };
    await replaceFile(join(draft, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, PRIVATE_MODE);
  });
  return manifest as Manifest;
}

async function logOf(dataFolder: string, draft: string): Promise<LogCopy | null> {
  const file = join(dataFolder, LOG_FILE);
  if (!existsSync(file)) return null;
  const copy = await copyLog(file, join(draft, LOG_FILE));
  await chmod(join(draft, LOG_FILE), PRIVATE_MODE);
  return copy;
}

async function archivesIn(dataFolder: string): Promise<readonly string[]> {
  const names = await readdir(join(dataFolder, ARCHIVE_FOLDER)).catch(() => []);
  // One that is being written has a name that begins with a dot.
  return names.filter((name) => !name.startsWith('.')).map((name) => `${ARCHIVE_FOLDER}/${name}`);
}

/** Those that are there. Their modes go with them. */
async function copyThose(dataFolder: string, draft: string, paths: readonly string[]): Promise<readonly string[]> {
  const present = paths.filter((path) => existsSync(join(dataFolder, path)));
  for (const path of present) {
    await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
    await copyFile(join(dataFolder, path), join(draft, path));
  }
  return present;
}

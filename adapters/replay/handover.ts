/** Puts read models that were built anew in the place of those in use: by the broker, where one runs, which alone touches what it holds. */
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { claimDataFolder, type DataFolder, FolderInUseError } from '../sqlite/data-folder.ts';
import { faultOf, putInPlace } from '../sqlite/read-database.ts';
import type { Answer, ReplayFolder } from './folder.ts';

/** How long a broker may take to notice, which takes one that is well no time at all. */
const PATIENCE_MS = 30_000;

/** `fresh` is closed. Throws with a sentence when the folder cannot be used. */
export async function handOver(folder: ReplayFolder, patienceMs = PATIENCE_MS): Promise<Answer> {
  const dataFolder = dirname(folder.inUse);
  const givingUpAt = performance.now() + patienceMs;
  for (let isAsked = false; ; isAsked = true) {
    if (existsSync(folder.answer)) return JSON.parse(await readFile(folder.answer, 'utf8')) as Answer;
    // Trying this takes half a second where there is a broker; between two tries it may have ended.
    const claim = await claimUnlessInUse(dataFolder);
    if (claim !== undefined) return byOurselves(claim, [folder.taking, folder.next, folder.fresh], folder.inUse);
    if (!isAsked) await rename(folder.fresh, folder.next);
    const isUnnoticed = performance.now() > givingUpAt && (await isWithdrawn(folder));
    if (isUnnoticed) return { refused: 'the broker does not answer; its log may say why' };
  }
}

async function byOurselves(claim: DataFolder, candidates: readonly string[], file: string): Promise<Answer> {
  try {
    const path = candidates.find((candidate) => existsSync(candidate));
    if (path === undefined) return { refused: 'the broker that took it has ended without saying what came of it' };
    const fault = await faultOf(path);
    if (fault !== undefined) return { refused: fault };
    await putInPlace(path, file);
    return { taken: true };
  } finally {
    await claim.release();
  }
}

async function claimUnlessInUse(dataFolder: string): Promise<DataFolder | undefined> {
  try {
    return await claimDataFolder(dataFolder);
  } catch (error) {
    if (error instanceof FolderInUseError) return undefined;
    throw error;
  }
}

/** False: a broker has it. */
function isWithdrawn({ next, fresh }: ReplayFolder): Promise<boolean> {
  return rename(next, fresh).then(
    () => true,
    () => false,
  );
}

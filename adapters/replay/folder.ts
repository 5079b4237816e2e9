/**
 * The folder `replay` in a data folder: where read models are built anew beside a broker, and handed over to it. The name of the file says whose it is: `fresh`
 * while it is built, `next` when it is complete, which is the request, and `taking` once a broker has it. What came of it stands in
 * `answer`. Who may write into the data folder may ask.
 */
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { lockFile } from '../sqlite/file-lock.ts';
import { removeDatabase } from '../sqlite/read-database.ts';

export interface ReplayFolder {
  readonly path: string;
  /** The read models in use, after which all of them are named; in the data folder itself. */
  readonly inUse: string;
  /** Being built; of no use to anybody but whoever builds it. */
  readonly fresh: string;
  /** To be put in the place of the one in use. */
  readonly next: string;
  readonly taking: string;
  readonly answer: string;
}

/** What became of a request. */
export type Answer = { readonly taken: true } | { readonly refused: string };

/** `inUse`: the path of the read models, in a data folder. */
export function replayFolder(inUse: string): ReplayFolder {
  const path = join(dirname(inUse), 'replay');
  const named = (state: string) => join(path, `${basename(inUse, '.sqlite')}.${state}`);
  return {
    path,
    inUse,
    fresh: named('fresh.sqlite'),
    next: named('next.sqlite'),
    taking: named('taking.sqlite'),
    answer: named('answer.json'),
  };
}

export const makeReplayFolder = async ({ path }: ReplayFolder): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
};

/** Makes sure that this process is the only one that builds there, and clears away what one before it left. Throws with a sentence for the operator. */
export async function claimReplayFolder(inUse: string): Promise<ReplayFolder & { release(): Promise<void> }> {
  const folder = replayFolder(inUse);
  await makeReplayFolder(folder);
  const lock = await lockFile(join(folder.path, 'replay.lock'), 0);
  if (lock === undefined) throw new Error(`Another replay is under way in ${dirname(inUse)}; wait for it to end.`);
  const clear = async (): Promise<void> => {
    await removeDatabase(folder.fresh);
    await rm(folder.answer, { force: true });
  };
  await clear();
  return {
    ...folder,
    async release() {
      await clear();
      await lock.release();
    },
  };
}

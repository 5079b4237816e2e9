/**
 * The files that the agent makes for sessions: their permissions, for nobody else's eyes, and init programs that start something in them, for their owners
 * to run. Each is removed when a look at the host shows that its session is over.
 */
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PRIVATE_MODE, replaceFile } from '../../adapters/files.ts';

export interface DcvFiles {
  /** Where they are. */
  readonly folder: string;
  /** Keeps the files of a session while `work` is making it. */
  during<T>(localId: string, work: () => Promise<T>): Promise<T>;
  /** Each gives the path of the file. */
  writePermissions(localId: string, text: string): Promise<string>;
  writeInit(localId: string, script: string): Promise<string>;
  /** To be called before the host is asked for its sessions; the answer goes with them to `keepOnly`. */
  beforeLook(): number;
  /** Removes the files of all sessions but these, which were all that were there. */
  keepOnly(localIds: ReadonlySet<string>, look: number): Promise<void>;
}

const PROGRAM_MODE = 0o755;
/** Others may pass through on their way to a file whose name they know, and see nothing. */
const PASSAGE_MODE = 0o711;
const OTHERS_PASS = 0o001;
/** `<local id>.perm` and `<local id>.init`; of what else is here an agent that was killed has left it behind. */
const NAME = /^(.+)\.(?:perm|init)$/;

/** Reads what a former agent left. `stateFolder` is there. */
export async function openDcvFiles(stateFolder: string): Promise<DcvFiles> {
  const folder = join(stateFolder, 'sessions');
  const inFolder = (localId: string, suffix: string): string => join(folder, `${encodeURIComponent(localId)}.${suffix}`);
  /** When a session's files were last its own for sure, in ticks. */
  const since = new Map<string, number>();
  const held = new Set<string>();
  let tick = 0;

  await mkdir(folder, { recursive: true, mode: PASSAGE_MODE });
  for (const name of await readdir(folder)) {
    const localId = NAME.exec(name)?.[1];
    if (localId === undefined) await rm(join(folder, name), { recursive: true, force: true });
    else since.set(decodeURIComponent(localId), tick);
  }

  async function write(path: string, localId: string, text: string, mode: number): Promise<string> {
    since.set(localId, tick);
    await replaceFile(path, text, mode);
    return path;
  }

  return {
    folder,
    async during(localId, work) {
      held.add(localId);
      try {
        return await work();
      } finally {
        held.delete(localId);
        tick += 1;
        if (since.has(localId)) since.set(localId, tick);
      }
    },
    writePermissions: (localId, text) => write(inFolder(localId, 'perm'), localId, text, PRIVATE_MODE),
    async writeInit(localId, script) {
      await openPassage(stateFolder, folder);
      const path = await write(inFolder(localId, 'init'), localId, script, PROGRAM_MODE);
      // The mode of a new file is what the umask leaves of it.
      await chmod(path, PROGRAM_MODE);
      return path;
    },
    beforeLook() {
      tick += 1;
      return tick;
    },
    async keepOnly(localIds, look) {
      const over = [...since].filter(([localId, ticks]) => !localIds.has(localId) && !held.has(localId) && ticks < look);
      for (const [localId] of over) {
        since.delete(localId);
        for (const suffix of ['perm', 'init']) await rm(inFolder(localId, suffix), { force: true });
      }
    },
  };
}

/** What is above the state folder is not ours to open. Throws a sentence for the session's StateReason. */
async function openPassage(stateFolder: string, folder: string): Promise<void> {
  for (const own of [stateFolder, folder]) await chmod(own, PASSAGE_MODE);
  for (let above = dirname(stateFolder); above !== dirname(above); above = dirname(above)) {
    if (((await stat(above)).mode & OTHERS_PASS) === 0) {
      throw new Error(`The session's owner cannot reach what starts the autorun file: the folder ${above} is closed to others (chmod o+x)`);
    }
  }
}

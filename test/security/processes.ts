/** What every user of a machine can read of its processes: with which words they were started, and, of one's own, in which environment. */
import { readdir, readFile } from 'node:fs/promises';

export interface Seen {
  readonly pid: number;
  readonly parent: number;
  /** Words, with blanks between. */
  readonly commandLine: string;
  readonly environment: string;
}

/** `root` and everything that it started which is there now. */
export async function processTree(root: number): Promise<readonly Seen[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = (await Promise.all(pids.map(seen))).filter((process) => process !== undefined);
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const { pid, parent } of all) if (tree.has(parent)) tree.add(pid);
  }
  return all.filter(({ pid }) => tree.has(pid));
}

/** Undefined for one that has ended meanwhile. */
async function seen(pid: number): Promise<Seen | undefined> {
  try {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8');
    const [stat, commandLine] = await Promise.all([read('stat'), read('cmdline')]);
    // Behind the command line: who has one of its own by then has an environment of its own, too.
    const environment = await read('environ');
    const parent = Number(stat.replace(/^.*\) /s, '').split(' ')[1]);
    return { pid, parent, commandLine: commandLine.replaceAll('\0', ' '), environment: environment.replaceAll('\0', '\n') };
  } catch {
    return undefined;
  }
}

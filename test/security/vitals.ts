/** What Linux says of a process: how it is, from outside. */
import { readdir, readFile } from 'node:fs/promises';

export interface Vitals {
  /** Bytes that it holds in memory. */
  readonly resident: number;
  /** Open files and sockets. */
  readonly handles: number;
  /** When it was started; another one if another process has its id now. */
  readonly startedAt: string;
}

const PAGE_BYTES = 4096;
/** Behind the name in /proc/PID/stat. */
const START_FIELD = 19;

export async function vitalsOf(pid: number): Promise<Vitals> {
  const [statm, stat, handles] = await Promise.all([
    readFile(`/proc/${pid}/statm`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
  ]);
  const startedAt = stat.replace(/^.*\) /s, '').split(' ')[START_FIELD] ?? '';
  return { resident: Number(statm.split(' ')[1]) * PAGE_BYTES, handles: handles.length, startedAt };
}

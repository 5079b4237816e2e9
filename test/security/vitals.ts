/** What Linux says of a process: how it is, from outside. */
import { readdir, readFile } from 'node:fs/promises';

export interface Vitals {
  /** Bytes that it holds in memory. */
  readonly resident: number;
  /** Open files and sockets. */
  readonly handles: number;
  /** Seconds of processor time that it has used. */
  readonly processorSeconds: number;
  /** When it was started; another one if another process has its id now. */
  readonly startedAt: string;
}

const PAGE_BYTES = 4096;
/** Behind the name in /proc/PID/stat: time in user mode, with that in the kernel behind it, and the start. */
const TIME_FIELD = 11;
const START_FIELD = 19;
const TICKS_PER_SECOND = 100;

export async function vitalsOf(pid: number): Promise<Vitals> {
  const [statm, stat, handles] = await Promise.all([
    readFile(`/proc/${pid}/statm`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readdir(`/proc/${pid}/fd`),
  ]);
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return {
    resident: Number(statm.split(' ')[1]) * PAGE_BYTES,
    handles: handles.length,
    processorSeconds: (Number(fields[TIME_FIELD]) + Number(fields[TIME_FIELD + 1])) / TICKS_PER_SECOND,
    startedAt: fields[START_FIELD] ?? '',
  };
}

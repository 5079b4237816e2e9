/** A program's log in files: `broker.log`, and `broker.log.1`, `broker.log.2` and so on for what was before. */
import { appendFile, mkdir, open as openFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { Clock } from '../domain/ports/clock.ts';

export const ROTATIONS = ['daily', 'hourly'] as const;

export interface LogFileSettings {
  readonly directory: string;
  /** Of the program: what its files are called. */
  readonly program: string;
  readonly rotation: (typeof ROTATIONS)[number];
  /** Bytes. */
  readonly maxFileSize: number;
  /** Older files kept. */
  readonly rotate: number;
}

export interface LogFile {
  /** False: the line is not kept, because the file cannot be written. */
  write(line: string): boolean;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** Readable by the group, as logs of services are. */
const MODE = 0o640;
/** Of lines that a slow disk has not taken yet. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** Until a file that could not be written is tried again. */
const RETRY_MS = 60_000;

/** Resolves when the file is open, or known not to open; then, and whenever it breaks, `trouble` is told a sentence. */
export async function openLogFile(settings: LogFileSettings, clock: Clock, trouble: (sentence: string) => void): Promise<LogFile> {
  let stream: RotatingFileStream | undefined;
  let closed = false;

  function broken(error: Error): void {
    stream = undefined;
    trouble(
      `The log file ${join(settings.directory, nameOf(settings.program, 0))} cannot be written: ${error.message}. Its lines go to stderr instead.`,
    );
    clock.after(RETRY_MS, () => void open());
  }

  async function open(): Promise<void> {
    if (closed) return;
    try {
      const opened = await opening(settings, clock.now());
      opened.on('error', broken);
      stream = opened;
    } catch (error) {
      broken(error as Error);
    }
  }

  await open();
  return {
    write(line) {
      if (stream === undefined || stream.writableLength > MAX_WAITING_BYTES) return false;
      stream.write(line);
      return true;
    },
    close() {
      closed = true;
      const last = stream;
      stream = undefined;
      return new Promise((resolve) => {
        if (last === undefined) resolve();
        else last.once('error', () => resolve()).end(() => resolve());
      });
    },
  };
}

async function opening(settings: LogFileSettings, now: number): Promise<RotatingFileStream> {
  const { directory, program, rotation, maxFileSize, rotate } = settings;
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await putAwayOld(settings, now);
  await endLine(join(directory, nameOf(program, 0)));
  const stream = createStream((number) => nameOf(program, number), {
    path: directory,
    interval: rotation === 'daily' ? '1d' : '1h',
    size: `${maxFileSize}B`,
    rotate: Math.max(1, rotate),
    mode: MODE,
  });
  if (rotate === 0) stream.on('rotated', (path) => void rm(path, { force: true }));
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once('open', () => {
      stream.off('error', reject);
      resolve(stream);
    });
  });
}

/** What was written yesterday, before a stop, is not mixed with what it writes today. The library does this for other ways of naming only. */
async function putAwayOld({ directory, program, rotation, rotate }: LogFileSettings, now: number): Promise<void> {
  const pathOf = (number: number): string => join(directory, nameOf(program, number));
  const written = await stat(pathOf(0)).catch(() => undefined);
  if (written === undefined || periodOf(written.mtimeMs, rotation) === periodOf(now, rotation)) return;
  if (rotate === 0) return rm(pathOf(0));
  for (let number = rotate; number > 0; number -= 1) {
    await rename(pathOf(number - 1), pathOf(number)).catch(ignoreMissing);
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}

/** A line that was being written when the process was killed stays by itself. */
async function endLine(path: string): Promise<void> {
  const file = await openFile(path, 'r').catch(ignoreMissing);
  if (file === undefined) return;
  const { size } = await file.stat();
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1)).finally(() => file.close());
  if (size > 0 && buffer.toString() !== '\n') await appendFile(path, '\n');
}

/** The local day or hour. */
function periodOf(time: number, rotation: LogFileSettings['rotation']): string {
  const date = new Date(time);
  return rotation === 'daily' ? date.toDateString() : `${date.toDateString()} ${date.getHours()}`;
}

/** 0 is the newest, for which the library says null. */
function nameOf(program: string, number: number | Date | null): string {
  return number === null || number === 0 ? `${program}.log` : `${program}.log.${number}`;
}

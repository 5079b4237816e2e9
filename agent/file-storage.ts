/** Record logs in files: append-only, one JSON value a line, on disk before anyone is told so, and readable after a crash at any moment. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { PRIVATE_MODE, replaceFile } from '../adapters/files.ts';
import type { Logger } from '../adapters/logging.ts';
import type { RecordLog } from './storage.ts';

/** Records that are written and synced together. */
interface Group {
  readonly lines: string[];
  readonly written: Promise<void>;
}

/** Opens or makes the file at `load`. Its folder must be there. Readable by its owner only. */
export function createFileLog(path: string, log: Logger): RecordLog {
  let file: FileHandle | undefined;
  /** The group that further records may still join. */
  let group: Group | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  function newGroup(): Group {
    const lines: string[] = [];
    const written = inTurn(async () => {
      if (group?.lines === lines) group = undefined;
      await writeSafely(await opened(), lines.join(''));
    });
    return { lines, written };
  }

  async function opened(): Promise<FileHandle> {
    file ??= await open(path, 'a', PRIVATE_MODE);
    return file;
  }

  return {
    load: () => inTurn(() => readRecords(path, log)),
    append(records) {
      group ??= newGroup();
      group.lines.push(linesOf(records));
      return group.written;
    },
    replace(records) {
      // Whatever is appended from now on belongs behind the new content, so it must not join a group that is written before it.
      group = undefined;
      return inTurn(async () => {
        await file?.close();
        file = undefined;
        await replaceFile(path, linesOf(records), PRIVATE_MODE);
      });
    },
    close: () =>
      inTurn(async () => {
        await file?.close();
        file = undefined;
      }),
  };
}

/** The text of a file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeSafely(file: FileHandle, text: string): Promise<void> {
  await file.appendFile(text);
  await file.datasync();
}

/** Every record begins with its line break, so one that was torn by a crash or a full disk cannot spoil the next. */
function linesOf(records: readonly object[]): string {
  return records.map((record) => `\n${JSON.stringify(record)}`).join('');
}

async function readRecords(path: string, log: Logger): Promise<readonly unknown[]> {
  const records: unknown[] = [];
  let torn = 0;
  for (const line of ((await readIfThere(path)) ?? '').split('\n')) {
    if (line === '') continue;
    try {
      records.push(JSON.parse(line));
    } catch {
      torn += 1;
    }
  }
  if (torn > 0) log.warn({ path, torn }, 'records that a crash left unfinished are passed over');
  return records;
}

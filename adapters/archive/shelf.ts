/**
 * The folder that archives are kept in. A file counts only if it is the one that a removal in the log speaks of, byte for byte: the log says what there
 * ought to be, and the folder is no second truth.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Position } from '../../domain/facts.ts';
import { ARCHIVE_FOLDER } from '../backup/contents.ts';
import { type ArchiveHeader, readHeader } from './format.ts';
import { readNote } from './note.ts';

/** An archive that is what it ought to be. */
export interface Sound {
  readonly path: string;
  readonly header: ArchiveHeader;
}

/** One that cannot be used. */
export interface Absent {
  /** Its name, or what the removal says instead. */
  readonly file: string;
  /** A phrase: "is not in the folder /var/lib/berth/archive". */
  readonly reason: string;
}

/** Told of an archive that cannot be used, and how many streams say that they are in it; 0: not known. */
export type TellAbsent = (note: string, absent: Absent, streams?: number) => void;

export interface Shelf {
  readonly folder: string;
  /** The archive that a note of a removal speaks of. What was found sound is not looked through again while nobody touches it. */
  find(note: string): Promise<Sound | Absent>;
  /** Whether what a note speaks of lies all before a position. The file is not looked through, so this is only good for leaving it alone. */
  isPassed(note: string, position: Position): Promise<boolean>;
}

interface Known extends Sound {
  /** By which a file that was touched is told. */
  readonly mark: string;
}

/** Where archives are kept unless said otherwise. */
export const archivesIn = (dataFolder: string): string => join(dataFolder, ARCHIVE_FOLDER);

export function openShelf(folder: string): Shelf {
  const known = new Map<string, Known>();

  async function find(note: string): Promise<Sound | Absent> {
    const name = readNote(note);
    if (name === undefined) return { file: note, reason: 'is no archive of Berth' };
    const { file, sha256 } = name;
    const path = join(folder, file);
    try {
      const mark = await markOf(path);
      const before = known.get(note);
      if (before?.mark === mark) return before;
      if ((await sha256Of(path)) !== sha256) return { file, reason: `in the folder ${folder} was altered: it is not what was archived` };
      const sound = { path, header: await readHeader(path), mark };
      known.set(note, sound);
      return sound;
    } catch (error) {
      return { file, reason: phraseOf(error as NodeJS.ErrnoException, folder) };
    }
  }

  return {
    folder,
    find,
    async isPassed(note, position) {
      const name = readNote(note);
      if (name === undefined) return false;
      const header = await readHeader(join(folder, name.file)).catch(() => undefined);
      return header !== undefined && header.last <= position;
    },
  };
}

/** What is missing where an archive cannot be used, for people. */
export function absenceOf({ file, reason }: Absent, streams: number): string {
  const facts = streams === 0 ? 'Facts of the log' : `The facts of ${streams} ${streams === 1 ? 'stream' : 'streams'} of the log`;
  return `${facts} are in the archive ${file}, which ${reason}.`;
}

/** Of all bytes of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

async function markOf(path: string): Promise<string> {
  const { ino, size, mtimeMs, ctimeMs } = await stat(path);
  return [ino, size, mtimeMs, ctimeMs].join();
}

function phraseOf({ code, message }: NodeJS.ErrnoException, folder: string): string {
  if (code === 'ENOENT') return `is not in the folder ${folder}`;
  return `in the folder ${folder} cannot be read (${code ?? message})`;
}

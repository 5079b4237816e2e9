/**
 * Moves streams that are over from the log to archives, some at a time: an archive first, then the removals that name it. Whenever it is killed, everything
 * is in the log, in an archive or in both; the next run finishes what it finds.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { EventLog, LogReader } from '../../domain/ports/event-log.ts';
import { linkOf } from '../evidence/links.ts';
import { type Chosen, chooseStreams } from './choosing.ts';
import { readFacts, readHeader } from './format.ts';
import { type ArchiveName, noteOf, readNote } from './note.ts';
import { sha256Of } from './shelf.ts';
import { ARCHIVE, type Batch, compare, DRAFT, writeArchive } from './writing.ts';

export interface ArchivingPorts {
  /** As it is, without its archives. */
  readonly log: EventLog;
  /** With them. */
  readonly whole: LogReader;
  /** Where archives are kept; made if it is missing. */
  readonly folder: string;
}

export interface ArchivingWish {
  /** Streams that nothing has happened to since then: milliseconds since 1970 (UTC). */
  readonly before: number;
  /** For the names of archives. */
  readonly now: number;
  /** Only says what would be archived. */
  readonly isDryRun: boolean;
  /** Facts of one archive, but for a longer stream. Default 50,000: it can be read in half a second, and some megabytes hold it. */
  readonly archiveFacts?: number;
  readonly signal: AbortSignal;
  progress(position: Position, facts: number): void;
  /** Told of each archive when its streams have left the log. */
  archived(archive: Archive): Promise<void>;
  /** Told of what was found and left alone, in a sentence. */
  complain(sentence: string): void;
}

export interface Archive extends ArchiveName {
  /** Those that left the log. */
  readonly streams: number;
  readonly facts: number;
  /** It was made by a run that did not come to its end. */
  readonly isLeftOver: boolean;
}

export interface Archived {
  readonly streams: number;
  readonly facts: number;
  /** How many streams of each kind. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Streams that leave the log together. */
const GROUP = 100;

export async function archive(ports: ArchivingPorts, wish: ArchivingWish): Promise<Archived> {
  const { signal, isDryRun, now } = wish;
  if (!isDryRun) await finishLeftOvers(ports, wish);
  const chosen = await chooseStreams({ ...ports, ...wish });
  let left: readonly Chosen[] = chosen;
  if (!isDryRun) {
    await mkdir(ports.folder, { recursive: true, mode: 0o700 });
    const done: Chosen[] = [];
    for (const batch of batchesOf(chosen, wish.archiveFacts ?? 50_000)) {
      signal.throwIfAborted();
      const name = await writeArchive(ports.folder, ports.whole, batch, now);
      done.push(...(await takeOut(ports.log, { name, streams: batch.streams, isLeftOver: false }, wish)));
    }
    left = done;
  }
  const kinds: Record<string, number> = {};
  for (const { stream } of left) {
    const kind = stream.slice(0, stream.indexOf('-'));
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return { streams: left.length, facts: factsIn(left), kinds };
}

const factsIn = (streams: readonly Pick<Chosen, 'revision'>[]): number => streams.reduce((sum, { revision }) => sum + revision + 1, 0);

function* batchesOf(chosen: readonly Chosen[], limit: number): Generator<Batch> {
  let streams: Chosen[] = [];
  let facts = 0;
  for (const next of chosen) {
    streams.push(next);
    facts += next.revision + 1;
    if (facts < limit) continue;
    yield { streams, facts };
    [streams, facts] = [[], 0];
  }
  if (streams.length > 0) yield { streams, facts };
}

/** An archive that is on disk. */
interface Made {
  readonly name: ArchiveName;
  readonly streams: readonly Chosen[];
  readonly isLeftOver: boolean;
}

/** Gives those that left. One that something has happened to meanwhile stays, whole; so does the one with the newest fact of all. */
async function takeOut(log: EventLog, { name, streams, isLeftOver }: Made, { archived }: ArchivingWish): Promise<readonly Chosen[]> {
  const note = noteOf(name);
  const done: Chosen[] = [];
  for (let next = 0; next < streams.length; next += GROUP) {
    const group = streams.slice(next, next + GROUP);
    const removals = group.map(({ stream, revision, hash }) => log.remove(stream, { revision, hash, note }));
    // Where one fails the others are under way, and whoever hears of it may look at the log at once.
    await Promise.allSettled(removals);
    const outcomes = await Promise.all(removals);
    done.push(...group.filter((_, index) => outcomes[index]));
  }
  await archived({ ...name, streams: done.length, facts: factsIn(done), isLeftOver });
  return done;
}

/** Archives that were made, and whose streams are still in the log. */
async function finishLeftOvers(ports: ArchivingPorts, wish: ArchivingWish): Promise<void> {
  const { log, whole, folder } = ports;
  const files = await readdir(folder).catch(() => []);
  for (const draft of files.filter((file) => DRAFT.test(file))) await rm(join(folder, draft), { force: true });
  const noted = notedStreams(await log.removalNotes());
  for (const file of files.filter((name) => ARCHIVE.test(name)).toSorted()) {
    wish.signal.throwIfAborted();
    const path = join(folder, file);
    try {
      if ((noted.get(file) ?? 0) >= (await readHeader(path)).streams) continue;
    } catch (error) {
      wish.complain(`${path} cannot be read and is left alone: ${(error as Error).message}.`);
      continue;
    }
    const streams = await stillInLog(log, path);
    if (streams.length === 0) continue;
    await compare(path, whole, { streams, facts: factsIn(streams) });
    await takeOut(log, { name: { file, sha256: await sha256Of(path) }, streams, isLeftOver: true }, wish);
  }
}

/** How many streams say that they are in each file. */
function notedStreams(notes: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map(
    [...notes].flatMap(([note, streams]) => {
      const name = readNote(note);
      return name === undefined ? [] : [[name.file, streams]];
    }),
  );
}

/** Streams of an archive that stand in the log where they stood when it was made. */
async function stillInLog(log: LogReader, path: string): Promise<readonly Chosen[]> {
  const ends = new Map<StreamName, { readonly first: Position; readonly fact: RecordedFact }>();
  for await (const fact of readFacts(path)) ends.set(fact.stream, { first: ends.get(fact.stream)?.first ?? fact.position, fact });
  const standing: Chosen[] = [];
  for (const { first, fact } of ends.values()) {
    const { stream, revision, position } = fact;
    const [last, later] = await log.readStream(stream, revision, 2);
    if (last?.id !== fact.id || last.position !== position || later !== undefined) continue;
    standing.push({ stream, revision, hash: linkOf(last), first, last: position, after: LOG_START });
  }
  return standing;
}

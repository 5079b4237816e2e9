/**
 * The format of archives: gzip over lines of JSON, first what the file is, then a fact a line, in the order of the log. Anybody can read one with `zcat`.
 * What is written here is read by every later version.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { Position, RecordedFact } from '../../domain/facts.ts';

const FORMAT = 1;

/** The first line. */
export interface ArchiveHeader {
  readonly berthArchive: typeof FORMAT;
  readonly facts: number;
  readonly streams: number;
  /** Of the first and the last fact. */
  readonly first: Position;
  readonly last: Position;
}

const count = z.int().min(0);
const shape = z.object({ berthArchive: z.literal(FORMAT), facts: count, streams: count, first: count, last: count });

export const headerLine = (header: Omit<ArchiveHeader, 'berthArchive'>): string => JSON.stringify({ berthArchive: FORMAT, ...header });

/** Everything about a fact, in an order of its own, so that equal facts are equal lines. */
export function factLine({
  position,
  stream,
  revision,
  id,
  type,
  schemaVersion,
  time,
  cause,
  requestId,
  hash,
  data,
}: RecordedFact): string {
  return JSON.stringify({ position, stream, revision, id, type, schemaVersion, time, cause, requestId, hash, data });
}

/** The first line of a file. Throws for one that this version cannot read. */
export async function readHeader(path: string): Promise<ArchiveHeader> {
  for await (const line of lines(path)) return headerOf(line);
  throw new Error('it is empty');
}

/** The facts of a file, in order. Breaking off lets go of the file. */
export async function* readFacts(path: string): AsyncGenerator<RecordedFact, undefined> {
  let isFirst = true;
  for await (const line of lines(path)) {
    if (isFirst) headerOf(line);
    else yield JSON.parse(line) as RecordedFact;
    isFirst = false;
  }
}

/** Those of one stream. Lines of others are not parsed. */
export async function readFactsOf(path: string, stream: string): Promise<readonly RecordedFact[]> {
  const mark = `,"stream":${JSON.stringify(stream)},`;
  const found: RecordedFact[] = [];
  for await (const line of lines(path)) if (line.includes(mark)) found.push(JSON.parse(line) as RecordedFact);
  return found.filter((fact) => fact.stream === stream);
}

async function* lines(path: string): AsyncGenerator<string, undefined> {
  const file = createReadStream(path);
  const text = createGunzip();
  file.on('error', (error) => text.destroy(error));
  const reader = createInterface({ input: file.pipe(text), crlfDelay: Number.POSITIVE_INFINITY });
  // It ends its lines in silence when its input fails.
  let failure: Error | undefined;
  text.on('error', (error) => {
    failure = error;
    reader.close();
  });
  try {
    for await (const line of reader) yield line;
    if (failure !== undefined) throw failure;
  } finally {
    reader.close();
    file.destroy();
    text.destroy();
  }
}

function headerOf(line: string): ArchiveHeader {
  const { data } = shape.safeParse(parsed(line));
  if (data === undefined) throw new Error('it is no archive of Berth, or one of a newer version');
  return data;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

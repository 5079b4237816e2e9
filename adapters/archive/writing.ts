/**
 * One archive: written under another name, on disk, read back and compared with the log fact by fact, and only then there under its own name. So whatever
 * has that name is whole.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { NO_STREAM, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { type ChainCheck, createChainCheck } from '../evidence/chain-check.ts';
import { createRemovals } from '../evidence/removals.ts';
import { PRIVATE_MODE, syncFolder } from '../files.ts';
import type { Chosen } from './choosing.ts';
import { factLine, headerLine, readFacts } from './format.ts';
import type { ArchiveName } from './note.ts';
import { sha256Of } from './shelf.ts';

export interface Batch {
  /** At least one. */
  readonly streams: readonly Chosen[];
  /** In all of them. */
  readonly facts: number;
}

/** What a run that was killed has left behind. */
export const DRAFT = /^\.archive-[0-9a-f-]+\.tmp$/;
export const ARCHIVE = /^archive-[0-9A-Za-z.-]+\.jsonl\.gz$/;

/** `whole`: the log with its archives. Throws where it does not hold what it should; nothing is left behind then. */
export async function writeArchive(folder: string, whole: LogReader, batch: Batch, time: number): Promise<ArchiveName> {
  const draft = join(folder, `.archive-${randomUUID()}.tmp`);
  try {
    const file = createWriteStream(draft, { flags: 'wx', mode: PRIVATE_MODE, flush: true });
    await pipeline(Readable.from(textOf(whole, batch)), createGzip(), file);
    await compare(draft, whole, batch);
    const sha256 = await sha256Of(draft);
    const name = `archive-${new Date(time).toISOString().slice(0, 19).replaceAll(':', '-')}Z-${sha256.slice(0, 12)}.jsonl.gz`;
    await rename(draft, join(folder, name));
    await syncFolder(folder);
    return { file: name, sha256 };
  } finally {
    await rm(draft, { force: true });
  }
}

/** Throws where the facts of these streams are not in the file, one by one, as they are in the log; the file may hold others too. */
export async function compare(path: string, whole: LogReader, batch: Batch): Promise<void> {
  const streams = new Set(batch.streams.map(({ stream }) => stream));
  const inFile = readFacts(path);
  try {
    for await (const fact of factsOf(whole, batch)) {
      const kept = await nextOf(inFile, streams);
      if (kept === undefined || factLine(kept) !== factLine(fact)) {
        throw new Error(
          `${path} does not hold ${fact.stream} at revision ${fact.revision} as the log does. Nothing of it was taken out of the log.`,
        );
      }
    }
  } finally {
    await inFile.return(undefined);
  }
}

async function nextOf(facts: AsyncIterator<RecordedFact, undefined>, streams: ReadonlySet<StreamName>): Promise<RecordedFact | undefined> {
  for (;;) {
    const { value } = await facts.next();
    if (value === undefined || streams.has(value.stream)) return value;
  }
}

async function* textOf(whole: LogReader, batch: Batch): AsyncGenerator<string> {
  const first = Math.min(...positions(batch, 'first'));
  const last = Math.max(...positions(batch, 'last'));
  yield `${headerLine({ facts: batch.facts, streams: batch.streams.length, first, last })}\n`;
  for await (const fact of factsOf(whole, batch)) yield `${factLine(fact)}\n`;
}

const positions = ({ streams }: Batch, which: 'first' | 'last' | 'after'): Position[] => streams.map((stream) => stream[which]);

const PAGE = 1000;

/** In the order of the log. Throws unless they are all there, up to where each stream stands, and each tied to the one before. */
async function* factsOf(whole: LogReader, batch: Batch): AsyncGenerator<RecordedFact, undefined> {
  const ends = new Map(batch.streams.map(({ stream, revision }) => [stream, revision]));
  const chain = createChainCheck(whole, createRemovals(whole));
  const end = Math.max(...positions(batch, 'last'));
  for (let after = Math.min(...positions(batch, 'after')); after < end; ) {
    const page = await whole.readAll(after, PAGE);
    for (const fact of page) {
      if (fact.revision > (ends.get(fact.stream) ?? NO_STREAM)) continue;
      await expectSound(chain, fact);
      yield fact;
    }
    after = page.at(-1)?.position ?? end;
  }
  for (const { stream, revision, hash } of batch.streams) {
    const standing = chain.standing(stream);
    if (standing?.revision === revision && standing.hash === hash) continue;
    throw new Error(`The log does not hold all of ${stream} up to revision ${revision}. Nothing of it is archived.`);
  }
}

async function expectSound(chain: ChainCheck, fact: RecordedFact): Promise<void> {
  const fault = chain.isBehindGap(fact) ? await chain.checkBehindGap(fact) : chain.check(fact);
  if (fault === undefined) return;
  throw new Error(`The log is not sound: ${fault.message} Nothing of it is archived; see \`berth audit verify\`.`);
}

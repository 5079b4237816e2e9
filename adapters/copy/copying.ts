/** Copies a log into another one: compares what is there already, adds what is missing in its order, and reads all of it back. */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import type { EventLog, LogReader } from '../../domain/ports/event-log.ts';
import { type Common, compareLogs, DifferentLogError } from './comparing.ts';
import { createCopyWriter } from './writing.ts';

export interface CopyingOptions {
  /** With its archives: a copy holds everything again. */
  readonly from: LogReader;
  /** For this process alone. */
  readonly to: EventLog;
  readonly signal: AbortSignal;
  /** Called with what is being done, and how far along `from` that is. */
  progress(doing: Doing, position: Position, facts: number): void;
}

export type Doing = 'Comparing' | 'Copying' | 'Reading back';

export interface Copied {
  /** In the copy, and how many of them were added now. */
  readonly facts: number;
  readonly added: number;
  readonly streams: number;
  /** Of the last fact, in either log. */
  readonly from: Position;
  readonly to: Position;
  /** Spent with adding. */
  readonly ms: number;
}

/** Facts that are read, and in a file written, together. */
const PAGE = 2000;
/** Of JSON, about, in memory at a time. */
const PAGE_BYTES = 16 * 1024 * 1024;
/** Streams looked at together. */
const GROUP = 16;

/** Up to where `from` ends now. Throws DifferentLogError where `to` holds something else than the beginning of `from`. */
export async function copyLog({ from, to, signal, progress }: CopyingOptions): Promise<Copied> {
  const head = await from.head();
  const compare = (doing: Doing): Promise<Common> =>
    compareLogs({ from, to, signal, progress: (position, facts) => progress(doing, position, facts) });
  const before = await compare('Comparing');
  const startedAt = performance.now();
  const writer = createCopyWriter(to, before.to);
  let facts = before.facts;
  for await (const page of pagesOf(from, before.from, head)) {
    signal.throwIfAborted();
    await writer.write(page);
    facts += page.length;
    progress('Copying', page.at(-1)?.position ?? head, facts);
  }
  const ms = performance.now() - startedAt;
  const after = await compare('Reading back');
  if (after.facts !== facts) throw new DifferentLogError(`holds ${after.facts} facts and not the ${facts} that were copied.`);
  await checkStreams(to, after);
  return { facts, added: facts - before.facts, streams: after.streams.size, from: after.from, to: after.to, ms };
}

/** The next page is read while one is written. */
async function* pagesOf(from: LogReader, after: Position, head: Position): AsyncGenerator<readonly RecordedFact[]> {
  let cursor = after;
  let reading = cursor < head ? from.readAll(cursor, PAGE) : NOTHING;
  for (;;) {
    const facts = (await reading).filter(({ position }) => position <= head);
    const last = facts.at(-1);
    if (last === undefined) return;
    cursor = last.position;
    reading = cursor < head ? from.readAll(cursor, PAGE) : NOTHING;
    // It may never be waited for, and then its failure is nobody's.
    reading.catch(() => undefined);
    yield* portionsOf(facts);
  }
}

const NOTHING: Promise<readonly RecordedFact[]> = Promise.resolve([]);

function* portionsOf(facts: readonly RecordedFact[]): Generator<readonly RecordedFact[]> {
  let portion: RecordedFact[] = [];
  let bytes = 0;
  for (const fact of facts) {
    portion.push(fact);
    bytes += JSON.stringify(fact.data).length;
    if (bytes < PAGE_BYTES) continue;
    yield portion;
    [portion, bytes] = [[], 0];
  }
  if (portion.length > 0) yield portion;
}

/** Each stream by itself, as actors read it: it ends where it does in the order of the log. */
async function checkStreams(to: LogReader, { streams }: Common): Promise<void> {
  const ends = streams.entries();
  await Promise.all(
    Array.from({ length: GROUP }, async () => {
      for (const [stream, revision] of ends) {
        const [last, later] = await to.readStream(stream, revision, 2);
        if (last?.revision === revision && later === undefined) continue;
        throw new DifferentLogError(`does not give ${stream} back up to revision ${revision}.`);
      }
    }),
  );
}

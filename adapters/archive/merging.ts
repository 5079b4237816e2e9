/** The whole log in pages, with what was moved to archives in its place. Each archive is read once along the way, as far as the pages have come. */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import { LogFault, type LogReader } from '../../domain/ports/event-log.ts';
import { type Cursor, createCursor } from './cursor.ts';
import type { Shelf, TellAbsent } from './shelf.ts';

type ReadAll = LogReader['readAll'];

/** What was there when a run along the log began. */
interface Run {
  readonly notes: ReadonlyMap<string, number>;
  /** Those that end before where it began are left out. */
  readonly cursors: readonly Cursor[];
  /** Where the page before ended: whoever asks for anything else begins a run of their own. */
  next: Position;
}

export function createMerging(log: LogReader, shelf: Shelf, absent: TellAbsent): ReadAll {
  let run: Run | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  async function begin(after: Position): Promise<Run> {
    await end();
    const notes = await log.removalNotes();
    const cursors: Cursor[] = [];
    for (const [note, streams] of notes) {
      if (await shelf.isPassed(note, after)) continue;
      const found = await shelf.find(note);
      if ('reason' in found) absent(note, found, streams);
      else cursors.push(createCursor(found));
    }
    return { notes, cursors, next: after };
  }

  async function end(): Promise<void> {
    for (const cursor of run?.cursors ?? []) await cursor.close();
    run = undefined;
  }

  async function page(after: Position, limit: number): Promise<readonly RecordedFact[]> {
    if (run === undefined || after === LOG_START || after !== run.next) run = await begin(after);
    const facts = await log.readAll(after, limit);
    const merged = await merge(facts, run.cursors, after, limit);
    if (facts.length < limit) await expectSame(run);
    run.next = merged.at(-1)?.position ?? after;
    return merged;
  }

  /** At the end of the log. Whatever left it while it was read may have been missed. */
  async function expectSame({ notes }: Run): Promise<void> {
    if (textOf(await log.removalNotes()) === textOf(notes)) return;
    await end();
    throw new LogFault('Facts were moved to an archive while the log was read; do it again.');
  }

  // One after another, because they share the cursors.
  return (after, limit) => {
    const result = turn.then(() => page(after, limit));
    turn = result.catch(() => undefined);
    return result;
  };
}

const textOf = (notes: ReadonlyMap<string, number>): string => [...notes].toSorted().join();

/** What the log still holds, or two archives do, is there once. */
async function merge(
  facts: readonly RecordedFact[],
  cursors: readonly Cursor[],
  after: Position,
  limit: number,
): Promise<readonly RecordedFact[]> {
  if (cursors.length === 0) return facts;
  const merged: RecordedFact[] = [];
  let next = 0;
  let last = after;
  while (merged.length < limit) {
    const inLog = facts[next];
    const cursor = await nearest(cursors, last);
    const isArchived = cursor !== undefined && cursor.position() < (inLog?.position ?? Number.POSITIVE_INFINITY);
    const fact = isArchived ? await cursor.fact() : inLog;
    if (fact === undefined) break;
    if (!isArchived) next += 1;
    merged.push(fact);
    last = fact.position;
  }
  return merged;
}

async function nearest(cursors: readonly Cursor[], after: Position): Promise<Cursor | undefined> {
  let first: Cursor | undefined;
  for (const cursor of cursors) {
    await cursor.moveBehind(after);
    if (cursor.position() < (first?.position() ?? Number.POSITIVE_INFINITY)) first = cursor;
  }
  return first;
}

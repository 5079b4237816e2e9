/**
 * Folds the log again, up to a moment, into a read database of its own: with the projections and nothing else, so nothing can follow from it. The
 * next page is read while one is folded and the batch before is written.
 */
import type { Position, RecordedFact } from '../domain/facts.ts';
import type { LogReader } from '../domain/ports/event-log.ts';
import { createChanges } from './changes.ts';
import type { ReadDatabase } from './database.ts';
import { createBatchWriter, createFold, type ProjectionLogger } from './folding.ts';
import type { Batch, Last } from './following.ts';
import type { Projection } from './projection.ts';

/**
 * Where it ends: behind the last fact that is not behind `position`, or before the first fact, in the order of the log, whose `time` is later than
 * this one (milliseconds since 1970, UTC).
 */
export type Until = { readonly position: Position } | { readonly time: number };

/** `time` is that of the last fact; both are 0 before the first one. */
export interface Moment {
  readonly position: Position;
  readonly time: number;
}

export interface ReplayOptions {
  readonly log: Pick<LogReader, 'readAll'>;
  /** Begins where this one stands. */
  readonly database: ReadDatabase;
  readonly projections: readonly Projection[];
  readonly logger: ProjectionLogger;
  readonly until: Until;
  /** Called now and then, with the facts that were folded so far. */
  progress?(position: Position, facts: number): void;
  /** Makes it reject. */
  readonly signal?: AbortSignal | undefined;
}

export interface Replayed {
  /** Of the last fact that was folded; undefined where there was none. */
  readonly last: Moment | undefined;
  readonly facts: number;
}

const PAGE = 1000;
/** Facts that are written together. The more there are, the more often one row takes up several of them. */
const BATCH = 10_000;

export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { database, signal, progress } = options;
  const fold = createFold(options.projections, options.logger);
  const writing = createWriting(database);
  let last: Moment | undefined;
  let facts = 0;
  const { position: start } = await database.reader.selectFrom('cursor').select('position').executeTakeFirstOrThrow();
  let gathered = { changes: createChanges(), facts: 0 };
  let behind: Last | undefined;
  for await (const page of pages(options, start)) {
    signal?.throwIfAborted();
    for (const fact of page.facts) fold(fact, gathered.changes);
    const { position, time } = page.last;
    last = { position, time };
    facts += page.facts.length;
    progress?.(position, facts);
    gathered.facts += page.facts.length;
    behind = page.last;
    if (gathered.facts < BATCH) continue;
    await writing.write({ changes: gathered.changes, last: behind });
    gathered = { changes: createChanges(), facts: 0 };
    behind = undefined;
  }
  if (behind !== undefined) await writing.write({ changes: gathered.changes, last: behind });
  await writing.done();
  return { last, facts };
}

interface FactsToFold {
  /** At least one. */
  readonly facts: readonly RecordedFact[];
  readonly last: RecordedFact;
}

/** Each page is asked for before the one before is handed out. */
async function* pages({ log, until }: ReplayOptions, start: Position): AsyncGenerator<FactsToFold, void, undefined> {
  let page = await log.readAll(start, PAGE);
  for (;;) {
    const facts = page.slice(0, endOf(page, until));
    const last = facts.at(-1);
    if (last === undefined) return;
    const following = facts.length < page.length ? NOTHING : log.readAll(last.position, PAGE);
    // It may never be waited for, and then its failure is nobody's.
    following.catch(() => undefined);
    yield { facts, last };
    page = await following;
  }
}

const NOTHING: Promise<readonly RecordedFact[]> = Promise.resolve([]);

/** How many facts of the page come before the end. */
function endOf(page: readonly RecordedFact[], until: Until): number {
  const end = page.findIndex('time' in until ? ({ time }) => time > until.time : ({ position }) => position > until.position);
  return end === -1 ? page.length : end;
}

/** One batch is written while the next one gathers. */
function createWriting(database: ReadDatabase) {
  const writeBatch = createBatchWriter(database);
  let underWay = Promise.resolve();
  return {
    /** Resolves when it has begun. */
    async write(batch: Batch): Promise<void> {
      await underWay;
      underWay = writeBatch(batch);
      underWay.catch(() => undefined);
    },
    done: () => underWay,
  };
}

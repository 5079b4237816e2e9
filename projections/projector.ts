/**
 * Follows the log and keeps the read database level with it. A batch of facts and the cursor behind it are written in one transaction, so
 * each fact counts once, whenever the process ends. While one batch is written the next one gathers: alone a fact is visible at once, and under
 * load or after a rebuild began the batches grow.
 */
import { LOG_START, NO_STREAM, type Position } from '../domain/facts.ts';
import type { StreamName } from '../domain/ids.ts';
import type { Clock, Timer } from '../domain/ports/clock.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import { StrangeFactError } from '../domain/upcasting.ts';
import type { CursorTable, ReadDatabase } from './database.ts';
import { createBatchWriter, createFold, type ProjectionLogger } from './folding.ts';
import { type Batch, type Following, follow } from './following.ts';
import type { Projection } from './projection.ts';
import { createWaiting } from './waiting.ts';

export interface ProjectorOptions {
  readonly log: EventLog;
  readonly database: ReadDatabase;
  readonly projections: readonly Projection[];
  readonly logger: ProjectionLogger;
  readonly clock: Clock;
}

export interface Projector {
  /** Begins to follow the log; rejects if the log or the read database cannot be read. */
  start(): Promise<void>;
  /** Resolves when nothing is being written any more. */
  stop(): Promise<void>;
  /**
   * Follows the log no further, lets `work` do what it likes to the read database, which is at `position`, and goes on from where that stands then. Not to be
   * called twice at a time, nor ended by `stop` in between.
   */
  standStill<T>(work: (position: Position) => Promise<T>): Promise<T>;
  /** How far the read database has come. */
  position(): Position;
  /**
   * True as soon as `position` is reached, false after `timeoutMs`. Costs nothing when it is reached already. Rejects with StrangeFactError
   * when a fact of a newer version of Berth stands before it.
   */
  reached(position: Position, timeoutMs: number): Promise<boolean>;
}

/** Between two tries after a failure: doubled each time, up to the longest. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

const REACHED = Promise.resolve(true);

export function createProjector(options: ProjectorOptions): Projector {
  const { log, database, clock, logger } = options;
  const fold = createFold(options.projections, logger);
  const write = createBatchWriter(database);
  const waiting = createWaiting(clock);
  let position = LOG_START;
  let following: Following | undefined;
  let retry: Timer | undefined;
  let trying: Promise<void> | undefined;
  let failures = 0;
  let stopped = false;
  /** What no other try will overcome. */
  let refusal: StrangeFactError | undefined;

  async function begin(): Promise<void> {
    position = await findStart(options);
    waiting.passed(position);
    if (!stopped) following = follow({ log, after: position, fold, write: advance, failed });
  }

  async function advance(batch: Batch): Promise<void> {
    await write(batch);
    position = batch.last.position;
    failures = 0;
    waiting.passed(position);
  }

  function failed(error: Error): void {
    if (stopped) return;
    if (error instanceof StrangeFactError) {
      refuse(error);
      return;
    }
    const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
    failures += 1;
    logger.error({ err: error, position, delayMs }, 'the read database cannot follow the log; trying again');
    retry = clock.after(delayMs, () => {
      trying = tryAgain().catch(failed);
    });
  }

  function refuse(error: StrangeFactError): void {
    refusal = error;
    logger.error({ err: error, position }, 'the read database stops at a fact of a newer version of Berth');
    waiting.end();
  }

  async function tryAgain(): Promise<void> {
    await following?.stop();
    await begin();
  }

  return {
    start: begin,
    async stop() {
      stopped = true;
      retry?.cancel();
      await trying;
      await following?.stop();
      waiting.end();
    },
    async standStill(work) {
      retry?.cancel();
      await trying;
      await following?.stop();
      try {
        return await work(position);
      } finally {
        await begin().catch(failed);
      }
    },
    position: () => position,
    reached(wanted, timeoutMs) {
      if (position >= wanted) return REACHED;
      return refusal === undefined ? waiting.until(wanted, timeoutMs) : Promise.reject(refusal);
    },
  };
}

/** The cursor; or the start, with everything cleared, if the log does not hold the fact that the cursor stands at: then it belongs to another log. */
async function findStart({ log, database, projections, logger }: ProjectorOptions): Promise<Position> {
  const cursor = await database.reader.selectFrom('cursor').select(['position', 'stream', 'revision', 'fact_id']).executeTakeFirstOrThrow();
  const { position } = cursor;
  const head = await log.head();
  logger.info({ position, head }, 'the read database follows the log');
  if (position === LOG_START || (position <= head && (await stands(log, cursor)))) return position;
  logger.warn({ position, head }, 'the read database is of another log; it is built again');
  await database.transactor.transact(async (transaction) => {
    const tables = projections.flatMap(({ shapes }) => shapes.map(({ table }) => table));
    for (const table of tables) await transaction.deleteFrom(table).execute();
    await transaction.updateTable('cursor').set({ position: LOG_START, purged_before: 0 }).execute();
  });
  return LOG_START;
}

/** A fact that was taken out of the log since then cannot tell. */
async function stands(log: EventLog, { position, stream, revision, fact_id }: Omit<CursorTable, 'purged_before'>): Promise<boolean> {
  if (stream === null || revision === null) return false;
  const [fact] = await log.readStream(stream as StreamName, revision, 1);
  if (fact !== undefined && fact.revision === revision) return fact.id === fact_id && fact.position === position;
  return ((await log.removal(stream as StreamName))?.revision ?? NO_STREAM) >= revision;
}

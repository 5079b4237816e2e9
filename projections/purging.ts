/**
 * Forgets sessions that were deleted so long ago that nobody is shown them any more, in small steps beside everything else. Their facts stay in the
 * log. No answer hangs on whether one is still there: a session that is found alive after all begins anew with the fact that says so.
 */
import type { Clock, Timer } from '../domain/ports/clock.ts';
import type { ReadDatabase } from './database.ts';
import type { ProjectionLogger } from './folding.ts';

export interface PurgingOptions {
  readonly database: ReadDatabase;
  readonly clock: Clock;
  readonly logger: Pick<ProjectionLogger, 'error'>;
  /** How long a deleted session is shown. */
  readonly visibleMs: number;
}

export interface Purging {
  /** Resolves when nothing is being deleted any more. */
  stop(): Promise<void>;
}

/** So much longer than it is shown a deleted session stays: whoever walks through pages goes by the time of the first. */
const MARGIN_MS = 3_600_000;
const INTERVAL_MS = 60_000;
/** Sessions of one transaction, which is all that others may have to wait for. */
const STEP = 500;

export function startPurging({ database, clock, logger, visibleMs }: PurgingOptions): Purging {
  let stopped = false;
  let timer: Timer | undefined;
  let working: Promise<void> = Promise.resolve();

  async function purge(): Promise<void> {
    const before = clock.now() - visibleMs - MARGIN_MS;
    while (!stopped && (await purgeStep(database, before)) === STEP);
  }

  function wait(): void {
    timer = clock.after(INTERVAL_MS, () => {
      working = purge()
        .catch((err: unknown) => logger.error({ err }, 'sessions deleted long ago cannot be forgotten; trying again'))
        .then(() => {
          if (!stopped) wait();
        });
    });
  }

  wait();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
      return working;
    },
  };
}

/** One step: forgets some of the sessions that were deleted before a time. Their number; fewer than there could be were the last. */
export function purgeStep({ transactor }: ReadDatabase, before: number): Promise<number> {
  return transactor.transact(async (transaction) => {
    const old = transaction
      .selectFrom('sessions')
      .select('position')
      .where('deleted_time', '<', before)
      .orderBy('deleted_time')
      .limit(STEP);
    const { numDeletedRows } = await transaction.deleteFrom('sessions').where('position', 'in', old).executeTakeFirstOrThrow();
    if (numDeletedRows > 0n) await transaction.updateTable('cursor').set({ purged_before: before }).execute();
    return Number(numDeletedRows);
  });
}

/**
 * Questions about the past while a broker runs. The log is folded up to then, by a process of its own, into a file that stays for a while, because pages follow.
 * There is a limit to everything: how many are folded at a time, how many are kept and how long, and how long a caller waits; whoever has waited in
 * vain asks again, and finds the work further on.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random, Timer } from '../../domain/ports/clock.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Moment, Until } from '../../projections/replay.ts';
import type { Logger } from '../logging.ts';
import { type OpenReadDatabase, openReadDatabase, removeDatabase } from '../sqlite/read-database.ts';
import { refuseFuture } from './as-of.ts';
import { createPastReads, type PastReads } from './past-reads.ts';

/** Cannot be answered now; the message is for the caller. */
export class PastBusyError extends Error {
  override readonly name = 'PastBusyError';
  readonly retryAfterSeconds = 5;
}

export interface PastPorts {
  readonly log: Pick<LogReader, 'head'>;
  /** For the files; made if it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Folds what the Describe calls need, as it was then, into a new file; rejects when `signal` says so. */
  fold(until: Until, file: string, signal: AbortSignal): Promise<Moment>;
}

export interface PastLimits {
  /** How long a deleted session is described. */
  readonly deletedVisibleMs: number;
  /** Moments that are folded at a time. */
  readonly folding: number;
  /** Moments whose files are kept, and how long after they were last asked for. */
  readonly kept: number;
  readonly keptMs: number;
  /** How long a caller waits, and how long folding may take. */
  readonly patienceMs: number;
  readonly foldingMs: number;
}

export const PAST_LIMITS = { folding: 2, kept: 4, keptMs: 300_000, patienceMs: 20_000, foldingMs: 600_000 } as const;

export interface Past {
  /** The read models as they were; good until `work` ends. Rejects with AsOfError for a moment to come, and with PastBusyError. */
  asOf<T>(until: Until, work: (reads: PastReads) => Promise<T>): Promise<T>;
  /** Resolves when no file is left. */
  stop(): Promise<void>;
}

interface Entry {
  readonly ending: AbortController;
  /** Resolves when it can be asked. */
  readonly open: Promise<OpenReadDatabase & { readonly moment: Moment }>;
  /** How many ask it now, or wait to. */
  users: number;
  isFolding: boolean;
  expiry: Timer | undefined;
}

export async function createPast(ports: PastPorts, limits: PastLimits): Promise<Past> {
  const { clock, log, random, logger } = ports;
  const folder = join(ports.folder, 'past');
  /** In the order in which they were last asked for. */
  const entries = new Map<string, Entry>();
  const leaving = new Set<Promise<void>>();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const left of await readdir(folder)) await removeDatabase(join(folder, left));

  function begin(key: string, until: Until): Entry {
    const ending = new AbortController();
    const file = join(folder, `${random.uuid()}.sqlite`);
    const limit = clock.after(limits.foldingMs, () => ending.abort(new PastBusyError('This takes too long; ask `berth describe` for it.')));
    const open = foldInto(file, until, ending.signal).finally(() => {
      limit.cancel();
      entry.isFolding = false;
      if (entry.users === 0) idle(key, entry);
    });
    const entry: Entry = { ending, open, users: 0, isFolding: true, expiry: undefined };
    // Whoever waits is told; when nobody does any more, nobody need be.
    open.catch((err: unknown) => {
      logger.warn({ err, ...until }, 'A question about the past could not be answered.');
      forget(key, entry);
    });
    return entry;
  }

  async function foldInto(file: string, until: Until, signal: AbortSignal): Promise<OpenReadDatabase & { readonly moment: Moment }> {
    try {
      const moment = await ports.fold(until, file, signal);
      const database = await openReadDatabase(file, { logger, readers: 1 });
      const close = async () => {
        await database.close();
        await removeDatabase(file);
      };
      return { ...database, moment, close };
    } catch (error) {
      await removeDatabase(file);
      throw error;
    }
  }

  function entryOf(until: Until): Entry {
    const key = JSON.stringify(until);
    const known = entries.get(key);
    if (known === undefined && [...entries.values()].filter(({ isFolding }) => isFolding).length >= limits.folding) {
      throw new PastBusyError('Other questions about the past are being answered; try again shortly.');
    }
    const entry = known ?? begin(key, until);
    entries.delete(key);
    entries.set(key, entry);
    entry.expiry?.cancel();
    return entry;
  }

  /** Nobody asks it any more. */
  function idle(key: string, entry: Entry): void {
    if (entry.isFolding || entries.get(key) !== entry) return;
    entry.expiry = clock.after(limits.keptMs, () => forget(key, entry));
    const unused = [...entries].filter(([, { users, isFolding }]) => users === 0 && !isFolding);
    for (const [oldest, other] of unused.slice(0, Math.max(0, entries.size - limits.kept))) forget(oldest, other);
  }

  function forget(key: string, entry: Entry): void {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    entry.expiry?.cancel();
    const left: Promise<void> = entry.open
      .then(({ close }) => close())
      .catch(() => undefined)
      .finally(() => leaving.delete(left));
    leaving.add(left);
  }

  return {
    async asOf(until, work) {
      refuseFuture(until, await log.head(), clock.now());
      const entry = entryOf(until);
      entry.users += 1;
      try {
        const { reader, moment } = await within(clock, limits.patienceMs, entry.open);
        return await work(createPastReads(reader, { time: moment.time, deletedVisibleMs: limits.deletedVisibleMs }));
      } finally {
        entry.users -= 1;
        if (entry.users === 0) idle(JSON.stringify(until), entry);
      }
    },
    async stop() {
      for (const [key, entry] of entries) {
        entry.ending.abort(new PastBusyError('This broker is stopping.'));
        forget(key, entry);
      }
      await Promise.all(leaving);
    },
  };
}

function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new PastBusyError('This takes a while; ask again for it shortly.')));
    work.then(resolve, reject).finally(timer.cancel);
  });
}

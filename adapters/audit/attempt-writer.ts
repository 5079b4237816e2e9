/**
 * Writes facts about attempts to a stream of their own, for each broker a new one every day (UTC). There is one append at a time, and what comes
 * meanwhile goes into the next one.
 */
import type { AttemptEvent } from '../../domain/attempt/events.ts';
import { type NewFact, NO_STREAM, type Revision } from '../../domain/facts.ts';
import { type BrokerId, type StreamName, streamName } from '../../domain/ids.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import { type EventLog, LogBusyError } from '../../domain/ports/event-log.ts';
import type { Logger } from '../logging.ts';

export type AttemptFact = NewFact<AttemptEvent>;

export interface AttemptWriter {
  /** Bounded by whoever adds; see `waiting`. */
  add(fact: AttemptFact): void;
  waiting(): number;
  /** Resolves when nothing waits: what was added is in the log, or lost. */
  idle(): Promise<void>;
}

export interface WriterPorts {
  readonly log: EventLog;
  readonly self: BrokerId;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
  /** Told of those that could not be written. */
  lost(facts: readonly AttemptFact[]): void;
}

/** Facts of one append. */
const BATCH = 200;
/** How often a batch is tried. At the start of a broker the first try only finds the end of the stream. */
const TRIES = 5;
const PAUSE_MS = 100;

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

export function createAttemptWriter({ log, self, clock, logger, lost }: WriterPorts): AttemptWriter {
  const queue: AttemptFact[] = [];
  let place: { readonly stream: StreamName; readonly revision: Revision } = { stream: '' as StreamName, revision: NO_STREAM };
  let writing: Promise<void> | undefined;

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH);
      await write(batch).catch((err: unknown) => {
        logger.error({ err, count: batch.length }, 'Attempts that were refused could not be recorded.');
        lost(batch);
      });
      queue.splice(0, batch.length);
    }
    writing = undefined;
  }

  async function write(batch: readonly AttemptFact[]): Promise<void> {
    const stream = streamName('attempts', `${dayOf(clock.now())}-${self}`);
    if (place.stream !== stream) place = { stream, revision: NO_STREAM };
    for (let tries = 1; !(await isWritten(batch, tries)); tries += 1) {
      if (tries === TRIES) throw new LogBusyError(`${stream} is written to from elsewhere all the time.`);
    }
  }

  /** False where others have written to the stream; where it ends is known then. Pauses after a fault, and the same facts are tried at the same place again. */
  async function isWritten(batch: readonly AttemptFact[], tries: number): Promise<boolean> {
    try {
      const appended = await log.append(place.stream, place.revision, batch);
      const isDone = appended.outcome === 'appended';
      place = { ...place, revision: isDone ? appended.revision : appended.actualRevision };
      return isDone;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise<void>((resolve) => clock.after(PAUSE_MS * 2 ** tries, resolve));
      return false;
    }
  }

  return {
    add(fact) {
      queue.push(fact);
      writing ??= work();
    },
    waiting: () => queue.length,
    idle: async () => writing,
  };
}

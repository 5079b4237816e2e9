/** One run along the log: gathers the changes of what is delivered, while what was gathered before is being written. */
import type { Position, RecordedFact } from '../domain/facts.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import { type Changes, createChanges } from './changes.ts';

/** Gathered facts that make the log wait for the write under way; more would cost memory and gain no speed. */
const GATHERED_LIMIT = 10_000;

export interface Batch {
  readonly changes: Changes;
  readonly last: Last;
}

/** The last fact of a batch: that it stands in a log where it stood tells that log from others. */
export type Last = Pick<RecordedFact, 'position' | 'stream' | 'revision' | 'id'>;

export interface FollowOptions {
  readonly log: EventLog;
  readonly after: Position;
  fold(fact: RecordedFact, changes: Changes): void;
  /** Called with one batch at a time, in order. */
  write(batch: Batch): Promise<void>;
  /** Called once when the log is lost or a write fails; nothing is written after that. */
  failed(error: Error): void;
}

export interface Following {
  /** Resolves when nothing is being written any more; what was only gathered is dropped. */
  stop(): Promise<void>;
}

interface Gathered {
  readonly changes: Changes;
  facts: number;
  last: Last | undefined;
}

export function follow({ log, after, fold, write, failed }: FollowOptions): Following {
  let gathered: Gathered = { changes: createChanges(), facts: 0, last: undefined };
  let writing: Promise<void> | undefined;
  let over = false;

  function fail(error: Error): void {
    if (over) return;
    over = true;
    failed(error);
  }

  function writeGathered(): void {
    const { changes, last } = gathered;
    if (writing || over || last === undefined) return;
    gathered = { changes: createChanges(), facts: 0, last: undefined };
    writing = write({ changes, last })
      .catch(fail)
      .then(() => {
        writing = undefined;
        writeGathered();
      });
  }

  async function deliver(facts: readonly RecordedFact[]): Promise<void> {
    for (const fact of facts) {
      fold(fact, gathered.changes);
      gathered.last = fact;
    }
    gathered.facts += facts.length;
    writeGathered();
    if (gathered.facts >= GATHERED_LIMIT) await writing;
  }

  const subscription = log.subscribe(after, deliver, fail);
  return {
    async stop() {
      over = true;
      await subscription.stop();
      await writing;
    },
  };
}

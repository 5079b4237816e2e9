/**
 * Facts on their way into a copy, as they are and in their order. On a server an append is sent when the one before it has been acknowledged, because only
 * that settles what comes first; what follows one another in a stream goes together. In a file the appends of a group share a transaction, which takes them
 * in the order of the calls, all or none.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewFact, Position, RecordedFact } from '../../domain/facts.ts';
import { type Appended, type EventLog, LogBusyError, LogFault } from '../../domain/ports/event-log.ts';

export interface CopyWriter {
  /** Resolves with the position of the last of these facts when all are there. Throws where the copy turns out to be written to by others. */
  write(facts: readonly RecordedFact[]): Promise<Position>;
}

/** Facts of one append. */
const RUN_FACTS = 500;
/** Of JSON, about: half of what EventStoreDB takes in an append. */
const RUN_BYTES = 512 * 1024;
/** How often an append whose outcome is not known is repeated, with longer and longer pauses: for half a minute altogether. */
const MOST_TRIES = 9;
const FIRST_PAUSE_MS = 100;

type Run = readonly RecordedFact[];

export function createCopyWriter(log: EventLog, head: Position): CopyWriter {
  let last = head;

  async function append(run: Run): Promise<void> {
    const [first] = run;
    if (first === undefined) return;
    const appended = await settled(() => log.append(first.stream, first.revision - 1, run.map(newFactOf)), log.isShared);
    if (appended.outcome === 'conflict') {
      const where = `${first.stream} stands at revision ${appended.actualRevision}, not ${first.revision - 1}`;
      throw new Error(`The copy is written to by somebody else: ${where}.`);
    }
    if (appended.position <= last)
      throw new Error(`The copy is out of order: ${first.stream} at revision ${first.revision} was there before.`);
    last = appended.position;
  }

  return {
    async write(facts) {
      const runs = runsOf(facts);
      if (log.isShared) for (const run of runs) await append(run);
      else await Promise.all([...runs].map(append));
      return last;
    },
  };
}

/** What follows one another in one stream. */
export function* runsOf(facts: readonly RecordedFact[]): Generator<Run> {
  let run: RecordedFact[] = [];
  let bytes = 0;
  for (const fact of facts) {
    const size = Buffer.byteLength(JSON.stringify(fact));
    const isNext = fact.stream === run.at(-1)?.stream && run.length < RUN_FACTS && bytes + size <= RUN_BYTES;
    if (!isNext && run.length > 0) {
      yield run;
      run = [];
      bytes = 0;
    }
    run.push(fact);
    bytes += size;
  }
  if (run.length > 0) yield run;
}

function newFactOf({ id, type, schemaVersion, time, cause, requestId, hash, data }: RecordedFact): NewFact {
  const fact = { id, type, schemaVersion, time, cause, requestId, data };
  return hash === undefined ? fact : { ...fact, hash };
}

/** Repeats it where that may help: the same facts at the same revision are written once. In a file nothing gets better by itself. */
async function settled(append: () => Promise<Appended>, isShared: boolean): Promise<Appended> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await append();
    } catch (error) {
      const isTransient = error instanceof LogFault || error instanceof LogBusyError;
      if (!isShared || !isTransient || tries === MOST_TRIES) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** (tries - 1));
    }
  }
}

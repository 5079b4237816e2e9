/** Passes over a log: all facts in order, and the checkpoints alone. */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { CHECKPOINTS, type Checkpoint, readCheckpoint } from './checkpoint.ts';
import type { Report, Sealed } from './checkpoint-check.ts';
import { readPages } from './reading.ts';

const FACTS_PAGE = 2_000;
/** Checkpoints hold up to some 200 KB each. */
const CHECKPOINTS_PAGE = 20;

/** Up to and including `head`. What cannot be read is reported. */
export async function* factsUpTo(head: Position, reader: LogReader, report: Report): AsyncGenerator<readonly RecordedFact[]> {
  const course = {
    read: async (after: Position, limit: number) => {
      const page = after < head ? await reader.readAll(after, limit) : [];
      return page.filter(({ position }) => position <= head);
    },
    behind: ({ position }: RecordedFact) => position,
    unreadable: (after: Position) => {
      const message = `The fact that follows position ${after} cannot be read: its text was altered, and is no JSON.`;
      return report({ fault: 'unreadable', position: after, message });
    },
  };
  yield* readPages(course, FACTS_PAGE);
}

/** Whatever stands in the stream of checkpoints. */
export async function* checkpointFacts(reader: Pick<LogReader, 'readStream'>): AsyncGenerator<RecordedFact> {
  const course = {
    read: (revision: number, limit: number) => reader.readStream(CHECKPOINTS, revision, limit),
    behind: ({ revision }: RecordedFact) => revision + 1,
    // Its place in the log tells.
    unreadable: () => Promise.resolve(),
  };
  for await (const page of readPages(course, CHECKPOINTS_PAGE)) yield* page;
}

/** Those that count. */
export async function* goodCheckpoints(reader: Pick<LogReader, 'readStream'>, { good }: Sealed): AsyncGenerator<Checkpoint, undefined> {
  for await (const fact of checkpointFacts(reader)) {
    const checkpoint = good.has(fact.revision) ? readCheckpoint(fact) : undefined;
    if (checkpoint !== undefined) yield checkpoint;
  }
}

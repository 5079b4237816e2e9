/** Reads on where a fact cannot be read: whoever spoils the text of one must not hide what stands behind it. */
import type { RecordedFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';

export interface Course {
  /** Facts from this cursor on, in order. */
  read(cursor: number, limit: number): Promise<readonly RecordedFact[]>;
  /** The cursor behind a fact. */
  behind(fact: RecordedFact): number;
  /** What stands at this cursor cannot be read. */
  unreadable(cursor: number, error: Error): Promise<void>;
}

/** Places in a row that cannot be read, before it is given up. */
const MOST_UNREADABLE = 10_000;

/** Pages of up to `limit` facts. Throws what reading throws, but for facts whose text is no JSON. */
export async function* readPages({ read, behind, unreadable }: Course, limit: number): AsyncGenerator<readonly RecordedFact[]> {
  let cursor = 0;
  let size = limit;
  let failures = 0;
  for (;;) {
    try {
      const page = await read(cursor, size);
      const next = Math.max(cursor, ...page.slice(-1).map(behind));
      // Also a log that somebody has changed so that it gives out the same facts again comes to an end.
      if (next === cursor) return;
      yield page;
      cursor = next;
      size = limit;
      failures = 0;
    } catch (error) {
      if (!isSpoilt(error) || failures > MOST_UNREADABLE) throw error;
      if (size > 1) {
        size = Math.ceil(size / 2);
        continue;
      }
      if (failures === 0) await unreadable(cursor, error);
      failures += 1;
      cursor += 1;
    }
  }
}

/** Undefined where it is not there, or cannot be read. */
export async function factAt(
  log: Pick<LogReader, 'readStream'>,
  stream: StreamName,
  revision: Revision,
): Promise<RecordedFact | undefined> {
  try {
    const [fact] = await log.readStream(stream, revision, 1);
    return fact?.revision === revision ? fact : undefined;
  } catch (error) {
    if (isSpoilt(error)) return undefined;
    throw error;
  }
}

/** No connection that was lost, but text that is no JSON. */
export const isSpoilt = (error: unknown): error is Error => error instanceof Error && error.cause instanceof SyntaxError;

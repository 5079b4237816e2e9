/** The end of the stream of checkpoints, found without reading all of it: a checkpoint every minute makes half a million a year. */
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { CHECKPOINTS } from './checkpoint.ts';

/** Undefined where there is none. */
export async function lastCheckpoint(log: Pick<LogReader, 'readStream'>): Promise<RecordedFact | undefined> {
  const at = async (revision: Revision): Promise<RecordedFact | undefined> => (await log.readStream(CHECKPOINTS, revision, 1))[0];
  let last: RecordedFact | undefined;
  let there = NO_STREAM;
  let missing = 0;
  for (let fact = await at(missing); fact !== undefined; fact = await at(missing)) {
    last = fact;
    there = missing;
    missing = 2 * missing + 1;
  }
  while (missing - there > 1) {
    const middle = Math.floor((there + missing) / 2);
    const fact = await at(middle);
    if (fact === undefined) missing = middle;
    else [last, there] = [fact, middle];
  }
  return last;
}

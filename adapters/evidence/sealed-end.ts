/** Where in the log what a checkpoint seals comes to its end, although the last of it may have been taken out since, with a note. */
import { LOG_START, type RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import { factAt } from './reading.ts';

/** `gone`: the last sealed fact is not there, and no note says why. */
export type SealedEnd = { readonly fact: RecordedFact | undefined } | { readonly gone: true };

/** The last sealed fact that is there; none where all that the checkpoint seals was taken out, which only the first checkpoint can suffer. */
export async function sealedEnd(log: Pick<LogReader, 'readStream' | 'removal'>, { last, heads }: Checkpoint): Promise<SealedEnd> {
  const fact = await factAt(log, last.stream, last.revision);
  if (fact !== undefined) return { fact };
  const removal = await log.removal(last.stream);
  if (removal === undefined || removal.revision < last.revision) return { gone: true };
  // What was sealed behind all of these belonged to streams that are gone.
  let newest: RecordedFact | undefined;
  for (const [stream, revision] of heads) {
    const head = await factAt(log, stream, revision);
    if (head !== undefined && head.position > (newest?.position ?? LOG_START)) newest = head;
  }
  return { fact: newest };
}

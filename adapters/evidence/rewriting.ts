/** Where somebody began to write a stream again: between the last checkpoint that still knows it and the first that does not. */
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Fault, faultOf } from './fault.ts';
import { linkOf } from './links.ts';
import { factAt } from './reading.ts';

/** Since when a stream is not what was sealed. */
interface Trace {
  /** The newest revision that is as it was sealed. */
  readonly sound: Revision;
  /** About the oldest that is not. */
  readonly fault: Fault | undefined;
}

/** A fault for each of these streams. `checkpoints`: those that count, in order, the last of which shows that the stream is another. */
export async function* traceRewriting(
  reader: Pick<LogReader, 'readStream'>,
  streams: readonly StreamName[],
  checkpoints: AsyncIterable<Checkpoint>,
): AsyncGenerator<Fault> {
  if (streams.length === 0) return;
  const traces = new Map(streams.map((stream): [StreamName, Trace] => [stream, { sound: NO_STREAM, fault: undefined }]));
  for await (const { number, heads } of checkpoints) {
    for (const [stream, revision, hash] of heads) {
      const trace = traces.get(stream);
      if (trace === undefined || trace.fault !== undefined) continue;
      const fact = await factAt(reader, stream, revision);
      const isSound = fact === undefined || linkOf(fact) === hash;
      traces.set(stream, isSound ? { sound: revision, fault: undefined } : { ...trace, fault: rewritten(fact, trace.sound, number) });
    }
  }
  for (const { fault } of traces.values()) if (fault !== undefined) yield fault;
}

function rewritten(fact: RecordedFact, sound: Revision, checkpoint: number): Fault {
  const { stream, revision } = fact;
  const where = revision === sound + 1 ? `at revision ${revision}` : `between revisions ${sound + 1} and ${revision}`;
  const message = `${stream} was written again ${where}: its hashes fit together, but are not those that checkpoint ${checkpoint} sealed.`;
  return { ...faultOf('rewritten', fact, message), checkpoint };
}

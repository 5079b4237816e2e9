/** What was taken out of streams with a note of where it is, as far as an audit has come by it: no fault, but nothing that was looked at either. */
import type { Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader, Removal } from '../../domain/ports/event-log.ts';

export interface Removals {
  /** The note about a stream. */
  of(stream: StreamName): Promise<Removal | undefined>;
  /** Whether a note covers this revision. */
  cover(stream: StreamName, revision: Revision): Promise<boolean>;
  /** So many facts of the stream were met with as taken out. */
  count(stream: StreamName, facts: number): void;
  readonly facts: number;
  readonly streams: number;
}

export function createRemovals(reader: Pick<LogReader, 'removal'>): Removals {
  // What is not there may come while the log is looked at.
  const known = new Map<StreamName, Removal>();
  const streams = new Set<StreamName>();
  let facts = 0;

  async function of(stream: StreamName): Promise<Removal | undefined> {
    const removal = known.get(stream) ?? (await reader.removal(stream));
    if (removal !== undefined) known.set(stream, removal);
    return removal;
  }

  return {
    of,
    cover: async (stream, revision) => ((await of(stream))?.revision ?? -1) >= revision,
    count(stream, more) {
      streams.add(stream);
      facts += more;
    },
    get facts() {
      return facts;
    },
    get streams() {
      return streams.size;
    },
  };
}

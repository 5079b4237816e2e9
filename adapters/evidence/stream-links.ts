/** The hash that the next fact of a stream follows: remembered for the streams written or read lately, read from the log for the others. */
import { LRUCache } from 'lru-cache';
import { NO_STREAM, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { genesis, type Link, linkOf } from './links.ts';

const PAGE = 500;

/** The stream does not hold the revision that is asked for; it stands here. */
export interface Short {
  readonly actualRevision: Revision;
}

export interface StreamLinks {
  /** What the fact behind `revision` follows; undefined where only the log can tell. */
  remembered(stream: StreamName, revision: Revision): string | undefined;
  /** The same from the log. */
  read(stream: StreamName, revision: Revision): Promise<string | Short>;
  /** Where a stream stands, if it is not known to have come further already. */
  learn(stream: StreamName, link: Link): void;
  learnFrom(facts: readonly RecordedFact[]): void;
}

/** `kept`: streams that are remembered. */
export function createStreamLinks(log: Pick<EventLog, 'readStream' | 'removal'>, kept: number): StreamLinks {
  const known = new LRUCache<StreamName, Link>({ max: kept });

  /** Only who never read the stream expects more than it holds. */
  async function lastRevision(stream: StreamName, removed = NO_STREAM): Promise<Revision> {
    let last = removed;
    for (;;) {
      const page = await log.readStream(stream, last + 1, PAGE);
      last += page.length;
      if (page.length < PAGE) return last;
    }
  }

  function learn(stream: StreamName, link: Link): void {
    const revision = known.get(stream)?.revision ?? NO_STREAM;
    if (link.revision > revision) known.set(stream, link);
  }

  return {
    remembered(stream, revision) {
      if (revision === NO_STREAM) return genesis(stream);
      const link = known.get(stream);
      return link?.revision === revision ? link.hash : undefined;
    },
    async read(stream, revision) {
      const [fact] = await log.readStream(stream, revision, 1);
      if (fact !== undefined) return linkOf(fact);
      const removal = await log.removal(stream);
      return removal?.revision === revision ? removal.hash : { actualRevision: await lastRevision(stream, removal?.revision) };
    },
    learn,
    learnFrom(facts) {
      for (const fact of facts) learn(fact.stream, { revision: fact.revision, hash: linkOf(fact) });
    },
  };
}

/** A log in memory, for simulations and tests. It keeps every promise of the port except to survive the process. */
import { LOG_START, NO_STREAM, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, type EventLog, LogFault } from '../../domain/ports/event-log.ts';
import { type Draft, draftFacts, recordedFact } from '../drafts.ts';
import { indexBehind } from '../recent.ts';
import { createTail } from '../tail.ts';

const RECENT_FACTS = 4096;

/** What a log holds. It outlives the log, as a file would, so that a simulated broker can be started again. */
export interface MemoryStore {
  readonly facts: RecordedFact[];
  readonly streams: Map<StreamName, RecordedFact[]>;
}

export const createMemoryStore = (): MemoryStore => ({ facts: [], streams: new Map() });

/** At most one log at a time on one store. */
export function openMemoryEventLog(store: MemoryStore = createMemoryStore()): EventLog {
  const readAll = (after: Position, limit: number) => {
    const first = indexBehind(store.facts, after);
    return store.facts.slice(first, first + limit);
  };
  const tail = createTail({
    head: store.facts.at(-1)?.position ?? LOG_START,
    recentFacts: RECENT_FACTS,
    page: async (after, limit) => readAll(after, limit),
  });
  const streamOf = (stream: StreamName) => store.streams.get(stream) ?? [];
  let closed = false;

  /** Runs now, so that appends take effect in the order of the calls. */
  async function whileOpen<T>(work: () => T): Promise<T> {
    if (closed) {
      throw new LogFault('The log is closed.');
    }
    return work();
  }

  return {
    isShared: false,
    append: (stream, expectedRevision, facts) =>
      whileOpen(() => {
        const drafts = draftFacts(stream, expectedRevision, facts);
        const known = streamOf(stream);
        const actualRevision = known.length - 1;
        if (expectedRevision !== actualRevision) {
          return repeated(known.slice(expectedRevision + 1), drafts) ?? { outcome: 'conflict', actualRevision };
        }
        const added = place(stream, expectedRevision, tail.head(), drafts);
        known.push(...added);
        store.streams.set(stream, known);
        store.facts.push(...added);
        tail.committed(added);
        return appended(added);
      }),
    readStream: (stream, fromRevision, limit) => whileOpen(() => streamOf(stream).slice(fromRevision, fromRevision + limit)),
    readAll: (after, limit) => whileOpen(() => readAll(after, limit)),
    head: () => whileOpen(() => tail.head()),
    known: tail.head,
    subscribe: tail.subscribe,
    async close() {
      closed = true;
      await tail.close();
    },
  };
}

/** Positions grow by the size of the fact, as EventStoreDB's do, so that nobody comes to rely on a count. */
function place(stream: StreamName, expectedRevision: Revision, head: Position, drafts: readonly Draft[]): RecordedFact[] {
  let position = head;
  return drafts.map((draft, index) => {
    position += draft.data.length;
    return recordedFact(draft, { stream, revision: expectedRevision + 1 + index, position });
  });
}

/** The first answer, if what follows the expected revision begins with exactly these facts. */
function repeated(stored: readonly RecordedFact[], drafts: readonly Draft[]): Appended | undefined {
  const sameFacts = drafts.every(({ fact }, index) => stored[index]?.id === fact.id);
  return sameFacts ? appended(stored.slice(0, drafts.length)) : undefined;
}

function appended(facts: readonly RecordedFact[]): Appended {
  const start: Appended = { outcome: 'appended', revision: NO_STREAM, position: LOG_START };
  return facts.reduce<Appended>((_, { revision, position }) => ({ outcome: 'appended', revision, position }), start);
}

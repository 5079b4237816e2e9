/** A log in memory, for simulations and tests. It keeps every promise of the port except to survive the process. */
import { LOG_START, NO_STREAM, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, type EventLog, LogFault, type Removal } from '../../domain/ports/event-log.ts';
import { type Draft, draftFacts, recordedFact } from '../drafts.ts';
import { indexBehind } from '../recent.ts';
import { createTail } from '../tail.ts';

const RECENT_FACTS = 4096;

/** What a log holds. It outlives the log, as a file would, so that a simulated broker can be started again. */
export interface MemoryStore {
  readonly facts: RecordedFact[];
  readonly streams: Map<StreamName, RecordedFact[]>;
  /** Of streams whose facts were taken out. */
  readonly removals: Map<StreamName, Removal>;
}

export const createMemoryStore = (): MemoryStore => ({ facts: [], streams: new Map(), removals: new Map() });

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
  const revisionOf = (stream: StreamName) => streamOf(stream).at(-1)?.revision ?? store.removals.get(stream)?.revision ?? NO_STREAM;
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
        const actualRevision = revisionOf(stream);
        if (expectedRevision !== actualRevision) {
          return repeated(behind(known, expectedRevision), drafts) ?? { outcome: 'conflict', actualRevision };
        }
        const added = place(stream, expectedRevision, tail.head(), drafts);
        known.push(...added);
        store.streams.set(stream, known);
        store.facts.push(...added);
        tail.committed(added);
        return appended(added);
      }),
    readStream: (stream, fromRevision, limit) => whileOpen(() => behind(streamOf(stream), fromRevision - 1).slice(0, limit)),
    readAll: (after, limit) => whileOpen(() => readAll(after, limit)),
    remove: (stream, removal) =>
      whileOpen(() => {
        const { revision } = removal;
        const facts = streamOf(stream);
        if (revision === NO_STREAM || revisionOf(stream) !== revision || facts.at(-1)?.position === tail.head()) return false;
        if (facts.length === 0) return true;
        const leaving = new Set(facts);
        store.facts.splice(0, store.facts.length, ...store.facts.filter((fact) => !leaving.has(fact)));
        store.streams.delete(stream);
        store.removals.set(stream, removal);
        return true;
      }),
    removal: (stream) => whileOpen(() => store.removals.get(stream)),
    removalNotes: () =>
      whileOpen(() => {
        const notes = new Map<string, number>();
        for (const { note } of store.removals.values()) notes.set(note, (notes.get(note) ?? 0) + 1);
        return notes;
      }),
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

/** Facts of one stream behind a revision. There are no gaps between them. */
function behind(facts: readonly RecordedFact[], revision: Revision): readonly RecordedFact[] {
  return facts.slice(Math.max(0, revision + 1 - (facts[0]?.revision ?? 0)));
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

/**
 * Reads of the server. Each is taken to its end or cancelled, because one that is broken off holds its place on the connection for ever; so many
 * run at a time as leave room on it; and each has a timer of its own.
 */
import { BACKWARDS, END, type ReadStreamOptions, type ResolvedEvent, START, StreamNotFoundError } from '@eventstore/db-client';
import type { Position, RecordedFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { LogFault, type Removal } from '../../domain/ports/event-log.ts';
import { createSlots, faultOf, within } from './calls.ts';
import { factOf, type Names, type Place, placeOf, removalOf } from './events.ts';
import { type FilteredRead, openFilteredRead } from './filtered-read.ts';
import type { Server } from './server.ts';

export interface Reading {
  stream(stream: StreamName, fromRevision: Revision, limit: number): Promise<RecordedFact[]>;
  removal(stream: StreamName): Promise<Removal | undefined>;
  removalNotes(): Promise<ReadonlyMap<string, number>>;
  /** Up to `limit` facts behind `after`. */
  all(after: Position, limit: number): Promise<RecordedFact[]>;
  /** The newest fact of all; undefined when there is none. May take as long as the server needs to look through what others wrote since. */
  newest(): Promise<RecordedFact | undefined>;
  /** The newest fact at or behind a place that is known to be close to the end; undefined when there is none. */
  newestSince(place: Place): Promise<RecordedFact | undefined>;
  /** Whether the log still holds a fact where it stood. Rejects with LogFault when the server cannot be asked. */
  holds(fact: RecordedFact): Promise<boolean>;
  close(): Promise<void>;
}

export interface ReadLimits {
  readonly callMs: number;
  /** For what the server has to look for in the whole log: it passes over up to a million events of others a second. */
  readonly searchMs: number;
}

/** A connection takes 100 calls at a time; some room is left for those whose end has not come through. */
const UNDER_WAY = 64;
/** If so many facts are behind a place, it is not close to the end. */
const CLOSE = 100;
/** Events of metadata that are read at a time. */
const NOTES_PAGE = 500;
const INVALID_ARGUMENT = 3;

export function createReading(server: Server, names: Names, { callMs, searchMs }: ReadLimits): Reading {
  const client = server.connect('reads');
  const slots = createSlots(UNDER_WAY);
  const { pattern } = names;

  function filtered(read: FilteredRead, limitMs: number): Promise<ResolvedEvent[]> {
    return slots.run(() => {
      const opening = openFilteredRead(client, read);
      const cancel = () => void opening.then((open) => open.cancel()).catch(() => undefined);
      return within(limitMs, opening.then(drain), cancel);
    });
  }

  async function all(read: Omit<FilteredRead, 'pattern'>, limitMs = searchMs): Promise<RecordedFact[]> {
    const events = await filtered({ ...read, pattern }, limitMs);
    return events.flatMap((event) => factOf(event, names) ?? []);
  }

  /** What is noted about each stream last. */
  async function removals(): Promise<ReadonlyMap<string, string>> {
    const noted = new Map<string, string>();
    let from: FilteredRead['from'] = START;
    for (;;) {
      const read = { from, direction: 'forwards', maxCount: NOTES_PAGE, pattern: names.metadataPattern } as const;
      const events: ResolvedEvent[] = await filtered(read, searchMs).catch(logUnreadable);
      for (const event of events) {
        const stream = event.event?.streamId ?? '';
        const note = removalOf(event)?.note;
        if (note === undefined) noted.delete(stream);
        else noted.set(stream, note);
      }
      const last = events.at(-1)?.event?.position;
      // A read includes the position that it starts from.
      if (last === undefined || events.length < NOTES_PAGE) return noted;
      from = last;
    }
  }

  /** Empty for a stream that is not there. */
  function eventsOf(stream: string, options: ReadStreamOptions): Promise<ResolvedEvent[]> {
    return slots.run(async () => {
      const open = client.readStream(stream, options);
      open.on('error', () => undefined);
      const cancel = () => void open.cancel().catch(() => undefined);
      return within(callMs, drain(open), cancel).catch((error: unknown) => {
        if (error instanceof StreamNotFoundError) return [];
        throw error;
      });
    });
  }

  const newest = async (): Promise<RecordedFact | undefined> => {
    const [fact] = await all({ from: END, direction: 'backwards', maxCount: 1 }).catch(logUnreadable);
    return fact;
  };

  return {
    newest,
    async stream(stream, fromRevision, limit) {
      const options = { fromRevision: BigInt(fromRevision), maxCount: limit };
      const events = await eventsOf(names.onServer(stream), options).catch((error: unknown) => {
        throw faultOf(`The stream ${stream} could not be read`, error);
      });
      return events.map((event) => factOf(event, names) ?? foreign(stream, event));
    },
    async removal(stream) {
      const newestOnly = { fromRevision: END, direction: BACKWARDS, maxCount: 1 } as const;
      const [metadata] = await eventsOf(`$$${names.onServer(stream)}`, newestOnly).catch((error: unknown) => {
        throw faultOf(`What was removed from the stream ${stream} could not be read`, error);
      });
      return removalOf(metadata);
    },
    async removalNotes() {
      const notes = new Map<string, number>();
      for (const note of (await removals()).values()) notes.set(note, (notes.get(note) ?? 0) + 1);
      return notes;
    },
    async all(after, limit) {
      // A read includes the position that it starts from.
      const facts = await all({ from: placeOf(after), direction: 'forwards', maxCount: limit + 1 }).catch(logUnreadable);
      return facts.filter(({ position }) => position > after).slice(0, limit);
    },
    async newestSince(place) {
      const facts = await all({ from: place, direction: 'forwards', maxCount: CLOSE }, callMs).catch(logUnreadable);
      return facts.length < CLOSE ? facts.at(-1) : newest();
    },
    async holds({ position, id }) {
      const facts = await all({ from: placeOf(position), direction: 'forwards', maxCount: 1 }, callMs).catch((error: unknown) => {
        if (isInvalidPosition(error)) return [];
        return logUnreadable(error);
      });
      return facts.some((fact) => fact.id === id);
    },
    close: () => client.dispose(),
  };
}

async function drain<E>(stream: AsyncIterable<E>): Promise<E[]> {
  const events: E[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** Nothing begins there. Subscriptions say so by a code, reads in words. */
function isInvalidPosition(error: unknown): boolean {
  const { code, details = '' } = error as { readonly code?: number; readonly details?: string };
  return code === INVALID_ARGUMENT || details.includes('InvalidPosition');
}

function logUnreadable(error: unknown): never {
  throw faultOf('The log could not be read', error);
}

function foreign(stream: StreamName, { event }: ResolvedEvent): never {
  const cause = new SyntaxError('It is no fact.');
  throw new LogFault(`The stream ${stream} holds an event at revision ${event?.revision} that Berth did not write.`, { cause });
}

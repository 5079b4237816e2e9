/**
 * A log with its archives: streams whose facts were moved to a file are read as if they had never left, by themselves and in their places in the whole
 * log. It stands below whatever lifts old shapes and changes nothing.
 */
import { LRUCache } from 'lru-cache';
import type { RecordedFact, Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { readFactsOf } from './format.ts';
import { createMerging } from './merging.ts';
import { absenceOf, type Shelf, type TellAbsent } from './shelf.ts';
import { subscribeFrom } from './subscribing.ts';

export interface ArchiveOptions {
  readonly shelf: Shelf;
  /** Told of each archive that ought to be there and cannot be used, once for each note; may throw. What it holds is missing from then on. */
  absent(sentence: string): void;
}

/** Archived streams that stay in memory for those who walk through pages. */
const STREAMS_KEPT = 20;

export function archivedLog<L extends LogReader>(log: L, options: ArchiveOptions): L {
  const { shelf } = options;
  const absent = tellingOnce(options.absent);
  const kept = new LRUCache<string, readonly RecordedFact[]>({ max: STREAMS_KEPT });
  const readAll = createMerging(log, shelf, absent);

  async function archived(stream: StreamName, note: string): Promise<readonly RecordedFact[]> {
    const found = await shelf.find(note);
    if ('reason' in found) {
      absent(note, found);
      return [];
    }
    const key = `${note} ${stream}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const facts = await readFactsOf(found.path, stream);
    kept.set(key, facts);
    return facts;
  }

  async function readStream(stream: StreamName, fromRevision: Revision, limit: number): Promise<readonly RecordedFact[]> {
    const facts = await log.readStream(stream, fromRevision, limit);
    if (facts[0]?.revision === fromRevision) return facts;
    const removal = await log.removal(stream);
    if (removal === undefined || removal.revision < fromRevision) return facts;
    const older = await archived(stream, removal.note);
    const missing = older.filter(({ revision }) => revision >= fromRevision && revision <= removal.revision);
    return [...missing, ...facts].slice(0, limit);
  }

  return {
    ...log,
    readStream,
    readAll,
    // Each reads along by itself, so that several do not keep beginning anew.
    subscribe: (after, deliver, failed) => subscribeFrom(log, createMerging(log, shelf, absent), { after, deliver, failed }),
  };
}

function tellingOnce(tell: (sentence: string) => void): TellAbsent {
  const told = new Set<string>();
  return (note, found, streams = 0) => {
    if (told.has(note)) return;
    tell(absenceOf(found, streams));
    told.add(note);
  };
}

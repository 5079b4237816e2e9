/** All that ever happened to one actor, for auditors: its stream, page by page. The log itself is asked; the read models hold no second copy of it. */
import type { RecordedFact, Revision } from '../domain/facts.ts';
import type { StreamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { HistoryEntry, Page } from '../projections/views.ts';

/** Oldest first, up to `limit` facts behind revision `after`, which is the `next` of the page before; undefined: nothing ever happened to such an actor. */
export async function readHistory(
  log: Pick<EventLog, 'readStream'>,
  stream: StreamName,
  limit: number,
  after?: Revision,
): Promise<Page<HistoryEntry> | undefined> {
  const facts = await log.readStream(stream, after === undefined ? 0 : after + 1, limit + 1);
  if (facts.length === 0 && after === undefined) return undefined;
  const items = facts.slice(0, limit).map(entryOf);
  return facts.length > limit ? { items, next: items.at(-1)?.revision } : { items };
}

function entryOf({ position, revision, type, time, cause, requestId, data }: RecordedFact): HistoryEntry {
  return { position, revision, type, time, cause, requestId, data };
}

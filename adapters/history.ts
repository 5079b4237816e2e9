/** All that ever happened to one actor, for auditors: its stream, page by page. The log itself is asked; the read models hold no second copy of it. */
import type { RecordedFact, Revision } from '../domain/facts.ts';
import type { StreamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { HistoryEntry, Page } from '../projections/views.ts';
import { readNote } from './archive/note.ts';

/** What is asked for was moved to an archive that this broker does not have. The message is for the caller. */
export class ArchivedAwayError extends Error {
  override readonly name = 'ArchivedAwayError';
}

/**
 * Oldest first, up to `limit` facts behind revision `after`, which is the `next` of the page before; undefined: nothing ever happened to such an actor. Throws
 * ArchivedAwayError.
 */
export async function readHistory(
  log: Pick<EventLog, 'readStream' | 'removal'>,
  stream: StreamName,
  limit: number,
  after?: Revision,
): Promise<Page<HistoryEntry> | undefined> {
  const first = after === undefined ? 0 : after + 1;
  const facts = await log.readStream(stream, first, limit + 1);
  if (facts[0]?.revision !== first) await expectNothing(log, stream, first);
  if (facts.length === 0 && after === undefined) return undefined;
  const items = facts.slice(0, limit).map(entryOf);
  return facts.length > limit ? { items, next: items.at(-1)?.revision } : { items };
}

/** Facts of a stream in memory at a time. */
const STRIDE = 500;

interface Part {
  readonly limit: number;
  /** Of a fact that was shown to this owner. */
  readonly after?: Revision | undefined;
}

/**
 * The same for one owner: what happened to a session while it was this one's. A name that hosts give (`console`) may go from owner to owner, and what of it
 * was another one's, or was moved to an archive that is not here, is as if it had never been.
 */
export async function readHistoryOf(
  owner: string,
  log: Pick<EventLog, 'readStream'>,
  stream: StreamName,
  { limit, after }: Part,
): Promise<Page<HistoryEntry> | undefined> {
  const items: HistoryEntry[] = [];
  let isOwned = after !== undefined;
  let first = after === undefined ? 0 : after + 1;
  for (let isMore = true; isMore && items.length <= limit; ) {
    const facts = await log.readStream(stream, first, STRIDE);
    for (const fact of facts) {
      isOwned = isOwnedAfter(fact, owner, isOwned && fact.revision === first);
      if (isOwned) items.push(entryOf(fact));
      first = fact.revision + 1;
    }
    isMore = facts.length === STRIDE;
  }
  if (items.length === 0 && after === undefined) return undefined;
  const shown = items.slice(0, limit);
  return items.length > limit ? { items: shown, next: shown.at(-1)?.revision } : { items: shown };
}

/** Only the first facts of a session name its owner. */
function isOwnedAfter({ data }: RecordedFact, owner: string, wasOwned: boolean): boolean {
  return 'owner' in data ? data.owner === owner : wasOwned;
}

/** What was taken out of the log, and did not come back with the archives, is not here. */
async function expectNothing(log: Pick<EventLog, 'removal'>, stream: StreamName, first: Revision): Promise<void> {
  const removal = await log.removal(stream);
  if (removal === undefined || removal.revision < first) return;
  const file = readNote(removal.note)?.file ?? removal.note;
  throw new ArchivedAwayError(
    `Its history up to revision ${removal.revision} was moved to the archive ${file}, which this broker does not have.`,
  );
}

function entryOf({ position, revision, type, time, cause, requestId, data }: RecordedFact): HistoryEntry {
  return { position, revision, type, time, cause, requestId, data };
}

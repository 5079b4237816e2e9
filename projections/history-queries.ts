/** What auditors ask: all that ever happened to one actor. */
import type { StreamName } from '../domain/ids.ts';
import type { Reader } from './database.ts';
import { json, packed, unpack } from './packing.ts';
import { pageOf } from './paging.ts';
import type { HistoryEntry, Page } from './views.ts';

export interface HistoryQueries {
  /** Oldest first, 1 to `limit` facts behind position `after`; undefined: nothing ever happened to such an actor. */
  ofStream(stream: StreamName, limit: number, after?: number): Promise<Page<HistoryEntry> | undefined>;
}

type PackedEntry = readonly [
  position: number,
  revision: number,
  type: string,
  time: number,
  causeKind: string,
  causeId: string,
  requestId: string,
  data: object,
];

export function createHistoryQueries(reader: Reader): HistoryQueries {
  return {
    async ofStream(stream, limit, after = 0) {
      const rows = await unpack<PackedEntry>(reader, entriesQuery(reader, stream, after, limit + 1).compile());
      if (rows.length === 0 && !(await exists(reader, stream))) return undefined;
      return pageOf(rows.map(entryOf), limit, (entry) => entry);
    },
  };
}

function entriesQuery(reader: Reader, stream: StreamName, after: number, limit: number) {
  const page = reader
    .selectFrom('history')
    .select('position')
    .where('stream', '=', stream)
    .where('position', '>', after)
    .orderBy('position')
    .limit(limit);
  return reader
    .selectFrom('history')
    .where('position', 'in', page)
    .select((eb) => {
      const columns = [
        eb.ref('position'),
        eb.ref('revision'),
        eb.ref('type'),
        eb.ref('time'),
        eb.ref('cause_kind'),
        eb.ref('cause_id'),
        eb.ref('request_id'),
        json(eb.ref('data')),
      ];
      return packed(columns, eb.ref('position')).as('rows');
    });
}

async function exists(reader: Reader, stream: StreamName): Promise<boolean> {
  const first = await reader.selectFrom('history').select('position').where('stream', '=', stream).limit(1).executeTakeFirst();
  return first !== undefined;
}

function entryOf([position, revision, type, time, kind, id, requestId, data]: PackedEntry): HistoryEntry {
  return { position, revision, type, time, cause: { kind, id }, requestId, data };
}

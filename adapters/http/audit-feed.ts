/** The audit as an export, which ends with what there is now, and as a feed, which goes on with what happens. */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import type { AuditFilter } from '../../projections/audit-filter.ts';
import type { Audit } from '../audit/audit.ts';
import { CSV_END, CSV_HEADER, csvLine, entryOf } from '../audit/entries.ts';
import type { Feed } from './feed.ts';

/** `events`: server-sent events, which browsers and most libraries can take up again where they were cut off. */
export type AuditFormat = 'jsonl' | 'csv' | 'events';

export const MEDIA_TYPES: Readonly<Record<AuditFormat, string>> = {
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  events: 'text/event-stream',
};

const jsonLine = (fact: RecordedFact): string => JSON.stringify(entryOf(fact));

const LINES: Readonly<Record<AuditFormat, (fact: RecordedFact) => string>> = {
  jsonl: (fact) => `${jsonLine(fact)}\n`,
  csv: (fact) => `${csvLine(entryOf(fact))}${CSV_END}`,
  events: (fact) => `id: ${fact.position}\ndata: ${jsonLine(fact)}\n\n`,
};

/** Facts in memory at a time, for each feed. */
const PAGE = 200;

/** All that there is behind `after`, and then the end. */
export function createExport(audit: Audit, filter: AuditFilter, format: AuditFormat, after?: Position): Feed['next'] {
  let cursor: Position | undefined = after ?? 0;
  let heading = format === 'csv' ? `${CSV_HEADER}${CSV_END}` : '';
  return async () => {
    if (cursor === undefined) return undefined;
    const page = await audit.page(filter, PAGE, cursor);
    cursor = page.next;
    const text = heading + page.items.map(LINES[format]).join('');
    heading = '';
    return text;
  };
}

export interface Following {
  readonly format: Exclude<AuditFormat, 'csv'>;
  readonly after: Position;
  /** The broker ends, or whoever listened is gone. */
  readonly ending: AbortSignal;
  /** How often there is a sign of life where nothing happens. */
  readonly beatMs: number;
}

export interface Followed {
  readonly next: Feed['next'];
  /** The last line: why it ends, and where to go on. */
  farewell(reason: string): string;
}

/** What there is behind `after`, and whatever follows as it happens. */
export function followAudit(audit: Audit, filter: AuditFilter, { format, after, ending, beatMs }: Following): Followed {
  let cursor = after;
  let isOver = false;
  const aborted = new Promise<boolean>((resolve) => ending.addEventListener('abort', () => resolve(true), { once: true }));

  function farewell(reason: string): string {
    const closed = JSON.stringify({ Closed: reason, Position: cursor });
    return format === 'events' ? `event: closed\ndata: ${closed}\n\n` : `${closed}\n`;
  }

  return {
    farewell,
    async next() {
      if (isOver) return undefined;
      while (!ending.aborted) {
        const page = await audit.page(filter, PAGE, cursor);
        cursor = page.seen;
        if (page.items.length > 0) return page.items.map(LINES[format]).join('');
        const isNews = await Promise.race([audit.newer(cursor, beatMs), aborted]);
        if (!isNews && format === 'events') return ': beat\n\n';
      }
      isOver = true;
      return farewell('The broker is ending.');
    },
  };
}

/** The operation of the audit: who did what, to whom, when and from which request; in pages, as an export, and as it happens. */
import type { AuditFilter } from '../../projections/audit-filter.ts';
import { entryOf } from '../audit/entries.ts';
import { type FilterName, readFilter, WishError } from '../audit/wish.ts';
import { type AuditFormat, createExport, followAudit, MEDIA_TYPES } from './audit-feed.ts';
import type { Call, Operation, OperationTools } from './call.ts';
import { createFeed, type Feed } from './feed.ts';
import { nextToken, readPageSize } from './paging.ts';
import { badRequest, HttpProblem } from './reply.ts';

const PARAMETERS: Readonly<Record<FilterName, string>> = {
  actor: 'Actor',
  client: 'Client',
  owner: 'Owner',
  type: 'Type',
  from: 'From',
  to: 'To',
  requestId: 'RequestId',
};

const NAMES = ['Actor', 'Client', 'Owner', 'Type', 'From', 'To', 'RequestId', 'MaxResults', 'NextToken', 'format', 'follow'] as const;
type Wish = Partial<Record<(typeof NAMES)[number], string>>;

/** Exports and feeds at a time. */
const FEEDS = 100;
/** Who takes nothing of a feed for so long has gone away without saying so, or never will. */
const STALLED_MS = 300_000;
const BEAT_MS = 15_000;
const RETRY_AFTER_SECONDS = '10';

export function getAudit(tools: OperationTools): Operation {
  const { audit } = tools;
  const send = createSending();
  return async (call) => {
    const wish = call.query(...NAMES);
    const filter = filterOf(wish);
    const query = ['audit', filter];
    const after = call.tokens.read(wish.NextToken, query);
    const { format, isFollowing } = mannerOf(wish, call.header('accept'));
    if (format === undefined) {
      const page = await audit.page(filter, readPageSize(wish.MaxResults), after);
      return { RequestId: call.origin.requestId, Entries: page.items.map(entryOf), NextToken: nextToken(call.tokens, page, query) };
    }
    if (isFollowing) return send(format, await follow(tools, call, filter, { format, after }));
    return send(format, { next: createExport(audit, filter, format, after), over: () => undefined });
  };
}

function filterOf(wish: Wish): AuditFilter {
  const { Actor: actor, Client: client, Owner: owner, Type: type, From: from, To: to, RequestId: requestId } = wish;
  try {
    return readFilter({ actor, client, owner, type, from, to, requestId }, PARAMETERS);
  } catch (error) {
    throw error instanceof WishError ? badRequest(error.message) : error;
  }
}

interface Manner {
  /** Absent: a page. */
  readonly format?: AuditFormat;
  readonly isFollowing: boolean;
}

/** The parameter wins over the header. Whoever wants events wants to follow. */
function mannerOf({ format: wanted, follow, MaxResults, To }: Wish, accept: string | null): Manner {
  const format = wanted === undefined ? acceptedFormat(accept ?? '') : FORMATS[wanted];
  if (format === undefined) throw badRequest(`format: expected json, jsonl or csv, not ${JSON.stringify(wanted)}.`);
  if (follow !== undefined && follow !== 'true' && follow !== 'false') throw badRequest('follow: expected true or false.');
  const isFollowing = follow === 'true' || format === 'events';
  if (format === 'json' && !isFollowing) return { isFollowing };
  if (MaxResults !== undefined) throw badRequest('MaxResults: only answers in pages have it.');
  if (isFollowing && format === 'csv') throw badRequest('follow: CSV cannot be followed; use format=jsonl, or Accept: text/event-stream.');
  if (isFollowing && To !== undefined) throw badRequest('To: what is followed has no end.');
  return { format: format === 'json' ? 'jsonl' : format, isFollowing };
}

const FORMATS: Readonly<Partial<Record<string, 'json' | 'jsonl' | 'csv'>>> = { json: 'json', jsonl: 'jsonl', csv: 'csv' };

/** Anything that is not known, as what browsers send, is answered in pages. */
function acceptedFormat(accept: string): AuditFormat | 'json' {
  if (/\bapplication\/(?:jsonl|x-ndjson)\b/i.test(accept)) return 'jsonl';
  if (/\btext\/csv\b/i.test(accept)) return 'csv';
  return /\btext\/event-stream\b/i.test(accept) ? 'events' : 'json';
}

interface Start {
  readonly format: AuditFormat;
  readonly after: number | undefined;
}

/** From where the caller was cut off, or from the time it asks for; else only what happens from now on. */
async function follow({ audit, stopping }: OperationTools, call: Call, filter: AuditFilter, { format, after }: Start): Promise<Feed> {
  const gone = new AbortController();
  const start = readLastEvent(call.header('last-event-id')) ?? after ?? (filter.from === undefined ? await audit.newest() : 0);
  const { next, farewell } = followAudit(audit, filter, {
    format: format === 'events' ? 'events' : 'jsonl',
    after: start,
    ending: AbortSignal.any([stopping, gone.signal]),
    beatMs: BEAT_MS,
  });
  return { next, over: () => gone.abort(), patience: { ms: STALLED_MS, farewell } };
}

function readLastEvent(id: string | null): number | undefined {
  if (id === null || id === '') return undefined;
  if (/^\d{1,16}$/.test(id) && Number.isSafeInteger(Number(id))) return Number(id);
  throw badRequest('Last-Event-ID: expected the id of an event of this feed.');
}

/** As many answers at a time as there may be; each counts from the moment it is first read from. */
function createSending(): (format: AuditFormat, feed: Feed) => Response {
  let underWay = 0;
  return (format, feed) => {
    if (underWay >= FEEDS) {
      throw new HttpProblem(503, `There are ${FEEDS} exports and feeds under way; try again later.`, {
        'retry-after': RETRY_AFTER_SECONDS,
      });
    }
    let counts = 0;
    const counted: Feed = {
      ...feed,
      next() {
        underWay += 1 - counts;
        counts = 1;
        return feed.next();
      },
      over() {
        underWay -= counts;
        feed.over();
      },
    };
    return new Response(createFeed(counted), { headers: { ...HEADERS, 'content-type': MEDIA_TYPES[format] } });
  };
}

/** A proxy that gathered what is said would make a feed late. */
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-accel-buffering': 'no' };

/** What an auditor asks for, as text: the parameters of the API, and the flags of the command line. */
import type { AuditFilter } from '../../projections/audit-filter.ts';

export type FilterName = keyof AuditFilter;

/** What was given for each part; absent: not asked for. */
export type FilterTexts = { readonly [Name in FilterName]?: string | undefined };

/** Something was asked for that cannot be. The message begins with the name of the parameter or flag. */
export class WishError extends Error {
  override readonly name = 'WishError';
}

const MAX_LENGTH = 1100;

/** `called`: what each part is called where it was given. Throws WishError for the first that cannot be. */
export function readFilter(texts: FilterTexts, called: Readonly<Record<FilterName, string>>): AuditFilter {
  const read = <T>(name: FilterName, parse: (text: string, called: string) => T): T | undefined => {
    const text = texts[name];
    return text === undefined ? undefined : parse(text, called[name]);
  };
  const filter = {
    actor: read('actor', readText),
    client: read('client', readText),
    owner: read('owner', readText),
    type: read('type', readType),
    from: read('from', readTime),
    to: read('to', readTime),
    requestId: read('requestId', readRequestId),
  };
  if (filter.from !== undefined && filter.to !== undefined && filter.from >= filter.to) {
    throw new WishError(`${called.to}: it must be later than ${called.from}.`);
  }
  return filter;
}

function readText(text: string, called: string): string {
  if (text === '') throw new WishError(`${called}: must not be empty.`);
  if (text.length > MAX_LENGTH) throw new WishError(`${called}: longer than ${MAX_LENGTH} characters.`);
  return text;
}

function readType(text: string, called: string): string {
  if (/^[a-z]+(?:-[a-z]+)*\.(?:[a-z]+(?:-[a-z]+)*)?$/.test(text)) return text;
  const example = 'a type such as session.deleted, or the beginning of types such as session.';
  throw new WishError(`${called}: expected ${example}, not ${shown(text)}.`);
}

/** A date is its beginning in UTC. A time without a zone would be another one on each machine. */
const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

function readTime(text: string, called: string): number {
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(time)) return time;
  throw new WishError(`${called}: expected a time such as 2026-01-31T08:00:00Z, or a date, not ${shown(text)}.`);
}

function readRequestId(text: string, called: string): string {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(text)) return text.toLowerCase();
  throw new WishError(`${called}: expected the RequestId of an answer, a UUID, not ${shown(text)}.`);
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 100));

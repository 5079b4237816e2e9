/** Answers in pages, as every operation that gives them reads the wish for one and writes the answer. */
import type { Page } from '../../projections/views.ts';
import type { NextTokens } from './next-token.ts';
import { badRequest } from './reply.ts';

const MAX_RESULTS = 1000;

/** Absent: the most there may be. Throws 400 outside 1 to 1000. */
export function pageSize(maxResults: number | null | undefined): number {
  const size = maxResults ?? MAX_RESULTS;
  if (size >= 1 && size <= MAX_RESULTS) return size;
  throw badRequest(`MaxResults: expected an integer from 1 to ${MAX_RESULTS}.`);
}

/** The same from a query. Digits only: `Number` would take blanks and exponents too. */
export function readPageSize(text: string | undefined): number {
  if (text === undefined) return pageSize(undefined);
  return pageSize(/^\d{1,4}$/.test(text) ? Number(text) : 0);
}

/** The ids to describe; undefined for all. Throws 400 for more than `limit`. */
export function readIds(field: string, ids: readonly string[] | null | undefined, limit: number): readonly string[] | undefined {
  if (!ids?.length) return undefined;
  if (ids.length > limit) throw badRequest(`${field}: more than ${limit} ids.`);
  return ids;
}

/** The token of the page behind this one, absent on the last; `query` as the tokens have it. */
export const nextToken = (tokens: NextTokens, page: Page<unknown>, query: readonly unknown[]): string | undefined =>
  page.next === undefined ? undefined : tokens.issue(page.next, query);

/**
 * The tokens that lead from page to page: base64url of JSON `{ position, query }` and an HMAC-SHA256, so that nobody makes one up and
 * none is used with another question than the one it answers. They hold no secret and do not expire; any broker with the same key reads them.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { badRequest } from './reply.ts';

export interface NextTokens {
  /** `query`: everything that decides which items there are, the size of a page apart. */
  issue(position: number, query: readonly unknown[]): string;
  /** The position in it; undefined for no token. Throws 400 for one that is not ours or belongs to another query. */
  read(token: string | null | undefined, query: readonly unknown[]): number | undefined;
}

/** `key`: at least 32 random bytes. */
export function createNextTokens(key: Buffer): NextTokens {
  const seal = (payload: string) => `${payload}.${createHmac('sha256', key).update(payload).digest('base64url')}`;
  return {
    issue: (position, query) => seal(Buffer.from(JSON.stringify({ position, query: digest(query) })).toString('base64url')),
    read: (token, query) => {
      if (token === null || token === undefined) return undefined;
      const payload = token.slice(0, Math.max(0, token.indexOf('.')));
      // The texts are compared, not the bytes they stand for, so that each token has one form only.
      if (!isSame(token, seal(payload))) throw badRequest('NextToken: this is not a token of ours.');
      const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { position: number; query: string };
      if (content.query !== digest(query)) throw badRequest('NextToken: it belongs to a request with other filters.');
      return content.position;
    },
  };
}

/** Those of one owner's clients lead nowhere for others, nor do theirs for them. */
export const tokensOf = (owner: string, { issue, read }: NextTokens): NextTokens => ({
  issue: (position, query) => issue(position, [...query, { owner }]),
  read: (token, query) => read(token, [...query, { owner }]),
});

/** In the same time wherever they differ. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const digest = (query: readonly unknown[]) => createHash('sha256').update(JSON.stringify(query)).digest('base64url');

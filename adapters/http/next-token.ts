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
  const sign = (payload: string) => createHmac('sha256', key).update(payload).digest();
  return {
    issue: (position, query) => {
      const payload = Buffer.from(JSON.stringify({ position, query: digest(query) })).toString('base64url');
      return `${payload}.${sign(payload).toString('base64url')}`;
    },
    read: (token, query) => {
      if (token === null || token === undefined) return undefined;
      const [payload = '', mac = ''] = token.split('.');
      const expected = sign(payload);
      const given = Buffer.from(mac, 'base64url');
      if (given.length !== expected.length || !timingSafeEqual(given, expected))
        throw badRequest('NextToken: this is not a token of ours.');
      const content = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { position: number; query: string };
      if (content.query !== digest(query)) throw badRequest('NextToken: it belongs to a request with other filters.');
      return content.position;
    },
  };
}

const digest = (query: readonly unknown[]) => createHash('sha256').update(JSON.stringify(query)).digest('base64url');

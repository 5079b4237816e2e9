/** A request before it is written down as bytes, and the ways in which one is made wrong. */
import fc from 'fast-check';
import { change, changed, scrap, written } from './garbage.ts';
import type { AttackedRoute } from './routes.ts';

export interface Draft {
  readonly route: AttackedRoute;
  readonly method: string;
  /** Path and query, or whatever stands in their place: one character a byte. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  /** Nothing that comes behind it on the same connection would be understood, or it never ends by itself. */
  readonly isLast: boolean;
}

export type Spoiling = (draft: Draft) => Draft;

/** The value that the body was made from, to be changed: undefined where there is none. */
export function spoilBody(value: unknown): fc.Arbitrary<Spoiling> {
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => (draft) => {
    const { isForm } = draft.route;
    const wrong = changes.reduce(changed, value);
    return { ...draft, body: Buffer.from(isForm ? formOf(wrong) : written(wrong)) };
  });
}

export const formOf = (value: unknown): string =>
  Object.entries(typeof value === 'object' && value !== null ? value : { value })
    .map(([name, field]) => `${encoded(name)}=${encoded(typeof field === 'string' ? field : written(field))}`)
    .join('&');

/** Also of what `encodeURIComponent` refuses. */
const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString()).slice(0, 20_000);

const at = fc.double({ min: 0, max: 0.999, noNaN: true });

/** Bytes of the body cut off, exchanged or put in. */
const spoilBytes: fc.Arbitrary<Spoiling> = fc
  .record({ where: at, kind: fc.constantFrom('cut', 'put', 'turn', 'twice'), bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }) })
  .map(({ where, kind, bytes }) => (draft) => {
    const body = draft.body ?? Buffer.alloc(0);
    const place = Math.floor(where * body.length);
    const [before, behind] = [body.subarray(0, place), body.subarray(place)];
    const spoilt = {
      cut: [before],
      put: [before, bytes, behind],
      turn: [before, bytes, behind.subarray(bytes.length)],
      twice: [body, body],
    }[kind];
    return { ...draft, body: Buffer.concat(spoilt ?? []) };
  });

const spoilTarget: fc.Arbitrary<Spoiling> = fc
  .record({ where: at, scrap, kind: fc.constantFrom('put', 'end', 'absolute', 'double') })
  .map(({ where, scrap, kind }) => (draft) => {
    const { target } = draft;
    const text = scrap.replaceAll(/[\r\n ]/g, '+');
    const place = Math.floor(where * target.length);
    if (kind === 'put') return { ...draft, target: `${target.slice(0, place)}${text}${target.slice(place)}` };
    if (kind === 'end') return { ...draft, target: `${target}${text}` };
    if (kind === 'double') return { ...draft, target: `/${text}${target}` };
    return { ...draft, target: `http://127.0.0.1${target}${text}` };
  });

const spoilQuery: fc.Arbitrary<Spoiling> = fc
  .record({ name: scrap, value: scrap, where: at, isKnown: fc.boolean(), count: fc.integer({ min: 1, max: 3 }) })
  .map(({ name, value, where, isKnown, count }) => (draft) => {
    const { query } = draft.route;
    const known = query[Math.floor(where * query.length)];
    const pair = `${isKnown && known !== undefined ? known : name}=${value}`.replaceAll(/[\r\n ]/g, '+');
    const more = Array.from({ length: count }, () => pair).join('&');
    return { ...draft, target: `${draft.target}${draft.target.includes('?') ? '&' : '?'}${more}` };
  });

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'SEARCH',
  'M-SEARCH',
  'LOCK',
  'QUERY',
];

const spoilMethod: fc.Arbitrary<Spoiling> = fc.constantFrom(...METHODS).map((method) => (draft) => ({ ...draft, method }));

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'content-type': [
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    ';;;',
    '\xff',
  ],
  'content-encoding': ['gzip', 'br', 'deflate, gzip', 'nonsense'],
  accept: ['text/csv', 'application/xml;q=0.1, */*;q=x', 'application/jsonl', '\xe4', ',,,,'],
  'accept-encoding': ['gzip', 'identity;q=0', 'x'],
  'idempotency-key': ['', '"', '"a', 'a"b', '\xe4', 'x'.repeat(300), '"\\"', ' ', 'key', 'key'],
  'berth-position': ['', '0', '1', '-1', '1e3', '0x1', ' 1 ', '1, 2', 'NaN', '99999999999999999999', '\xb2'],
  'x-forwarded-for': ['127.0.0.1', '::1, 1.2.3.4', '\xff', ',', 'x'.repeat(500), "'; DROP TABLE"],
  forwarded: ['for=127.0.0.1', 'for="_x"; ;;'],
  host: ['x', '127.0.0.1:99999', '[::1', 'a b', '', 'ex ample', 'localhost:8443@evil', '\xe4', 'x'.repeat(300), 'a/../b'],
  'x-http-method-override': ['DELETE'],
  'last-event-id': ['x', '-1', '1e3', '0', '99999999999999999999'],
  range: ['bytes=0-0', 'bytes=-1', 'bytes=0-0,1-1'],
  'if-none-match': ['*', 'W/"x"'],
  'x-request-id': ['../../x', '\x1b[31m', 'x'.repeat(1000)],
  cookie: ['a=b; a=c', '__proto__=1'],
  origin: ['null', 'http://evil'],
  connection: ['keep-alive, upgrade', 'x'],
  upgrade: ['websocket', 'h2c'],
  expect: ['100-continue', '200-ok'],
  te: ['trailers'],
  __proto__x: ['1'],
  constructor: ['1'],
};

/** Behind these a connection may well be over. */
const LAST: ReadonlySet<string> = new Set(['connection', 'upgrade', 'expect']);

const spoilHeader: fc.Arbitrary<Spoiling> = fc
  .constantFrom(...Object.entries(HEADERS))
  .chain(([name, values]) => fc.record({ name: fc.constant(name), value: fc.constantFrom(...values), isDouble: fc.boolean() }))
  .map(({ name, value, isDouble }) => (draft) => {
    const others = isDouble ? draft.headers : draft.headers.filter(([other]) => other !== name);
    return { ...draft, headers: [...others, [name, value]], isLast: draft.isLast || LAST.has(name) };
  });

const strangeHeader: fc.Arbitrary<Spoiling> = fc.record({ name: scrap, value: scrap }).map(({ name, value }) => (draft) => ({
  ...draft,
  headers: [...draft.headers, [name, value]],
  isLast: true,
}));

/** Lies about where the body ends, and chunks that are none. */
const spoilLength: fc.Arbitrary<Spoiling> = fc
  .constantFrom<readonly (readonly [string, string])[]>(
    [['content-length', '0']],
    [['content-length', '7']],
    [['content-length', '99999']],
    [['content-length', '-1']],
    [['content-length', '1e3']],
    [['content-length', '99999999999999999999']],
    [['content-length', '2000000']],
    [
      ['content-length', '5'],
      ['content-length', '6'],
    ],
    [['transfer-encoding', 'chunked']],
    [['transfer-encoding', 'chunked, chunked']],
    [['transfer-encoding', 'gzip']],
    [
      ['transfer-encoding', 'chunked'],
      ['content-length', '5'],
    ],
    [['transfer-encoding', ' chunked\t']],
  )
  .map((headers) => (draft) => ({
    ...draft,
    headers: [...draft.headers.filter(([name]) => name !== 'content-length'), ...headers],
    body: draft.body ?? Buffer.from('{}'),
    isLast: true,
  }));

const spoilToken: fc.Arbitrary<Spoiling> = fc
  .record({ where: at, kind: fc.constantFrom('cut', 'turn', 'none', 'basic', 'double', 'long', 'scrap'), scrap })
  .map(({ where, kind, scrap }) => (draft) => {
    const [, token = ''] = draft.headers.find(([name]) => name === 'authorization') ?? [];
    const others = draft.headers.filter(([name]) => name !== 'authorization');
    const place = Math.floor(where * token.length);
    const wrong = {
      cut: token.slice(0, place),
      turn: `${token.slice(0, place)}A${token.slice(place + 1)}`,
      none: undefined,
      basic: `Basic ${Buffer.from(scrap, 'latin1').toString('base64')}`,
      double: `${token}, ${token}`,
      long: `Bearer ${'a'.repeat(9000)}`,
      scrap: `Bearer ${scrap.replaceAll(/[\r\n\0]/g, '')}`,
    }[kind];
    return {
      ...draft,
      headers: wrong === undefined ? others : [...others, ['authorization', wrong]],
      isLast: draft.isLast || kind === 'scrap',
    };
  });

/** What may be wrong besides the values of the body. */
export const spoiling: fc.Arbitrary<Spoiling> = fc.oneof(
  { arbitrary: spoilQuery, weight: 5 },
  { arbitrary: spoilTarget, weight: 4 },
  { arbitrary: spoilHeader, weight: 5 },
  { arbitrary: spoilToken, weight: 3 },
  { arbitrary: spoilBytes, weight: 3 },
  { arbitrary: spoilMethod, weight: 2 },
  { arbitrary: strangeHeader, weight: 1 },
  { arbitrary: spoilLength, weight: 1 },
);

/** As it goes over the wire. */
export function bytesOf({ method, target, headers, body }: Draft): Buffer {
  const isFramed = headers.some(([name]) => name === 'content-length' || name === 'transfer-encoding');
  const length = body === undefined || isFramed ? [] : [`content-length: ${body.length}`];
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`), ...length];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)]);
}

/** Attacks as fast-check makes them: a request that would be right for one of the routes, made wrong in one way or several; or bytes that are no request at all. */
import fc from 'fast-check';
import { bytesOf, type Draft, formOf, type Spoiling, spoilBody, spoiling } from './drafts.ts';
import { scrap, written } from './garbage.ts';
import type { AttackedRoute, DoorName } from './routes.ts';
import { type Vocabulary, valuesOf } from './shapes.ts';

export interface Attack {
  /** `POST /describeSessions`, with its door. */
  readonly name: string;
  readonly door: DoorName;
  /** Undefined for what is no request. */
  readonly route: AttackedRoute | undefined;
  readonly method: string;
  readonly bytes: Buffer;
  /** Nothing comes after it on its connection. */
  readonly isLast: boolean;
}

export interface Ammunition {
  readonly routes: readonly AttackedRoute[];
  readonly words: Vocabulary;
  /** What callers of a route authenticate with, where they do. */
  authorization(route: AttackedRoute): string | undefined;
}

export const nameOf = ({ door, method, path }: AttackedRoute): string => `${door} ${method} ${path}`;

/** `count` attacks that follow from `seed` alone, in portions, because all of them at once would take a gigabyte. */
export function* attacks(ammunition: Ammunition, { seed, count }: { readonly seed: number; readonly count: number }): Generator<Attack> {
  const any = attack(ammunition);
  for (let made = 0; made < count; made += PORTION) {
    yield* fc.sample(any, { seed: seed + made, numRuns: Math.min(PORTION, count - made) });
  }
}

const PORTION = 2000;

function attack(ammunition: Ammunition): fc.Arbitrary<Attack> {
  const drafts = ammunition.routes.map((route) => ({ arbitrary: spoilt(route, ammunition), weight: route.body === undefined ? 1 : 3 }));
  return fc.oneof({ arbitrary: fc.oneof(...drafts), weight: 30 }, { arbitrary: noRequest(ammunition.routes), weight: 1 });
}

function spoilt(route: AttackedRoute, { words, authorization }: Ammunition): fc.Arbitrary<Attack> {
  const value = route.body === undefined ? fc.constant(undefined) : valuesOf(route.body, words);
  return fc.record({ value, parts: partsOf(route.path, words) }).chain(({ value, parts }) => {
    const draft = right(route, { value, target: parts, authorization: authorization(route) });
    return ways(value).map((spoilings) => attackOf(spoilings.reduce((wrong, spoil) => spoil(wrong), draft)));
  });
}

/** One in ten is right; half of the others have something wrong in their body and nowhere else. */
function ways(value: unknown): fc.Arbitrary<readonly Spoiling[]> {
  const elsewhere = fc.array(spoiling, { minLength: 1, maxLength: 3 });
  if (value === undefined) return fc.oneof({ arbitrary: fc.constant([]), weight: 1 }, { arbitrary: elsewhere, weight: 9 });
  const body = spoilBody(value);
  return fc.oneof(
    { arbitrary: fc.constant([]), weight: 1 },
    { arbitrary: fc.tuple(body), weight: 4 },
    { arbitrary: elsewhere, weight: 3 },
    { arbitrary: fc.tuple(body, spoiling), weight: 2 },
  );
}

interface Right {
  readonly value: unknown;
  readonly target: string;
  readonly authorization: string | undefined;
}

function right(route: AttackedRoute, { value, target, authorization }: Right): Draft {
  const type = route.isForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const needsBody = value !== undefined || (route.method !== 'GET' && route.method !== 'HEAD');
  return {
    route,
    method: route.method,
    target,
    headers: [
      ['host', '127.0.0.1'],
      ['content-type', type],
      ...(authorization === undefined ? [] : [['authorization', authorization] as const]),
    ],
    body: needsBody ? Buffer.from(route.isForm ? formOf(value) : written(value ?? {})) : undefined,
    isLast: false,
  };
}

/** The path with something in the place of each of its parameters. */
function partsOf(path: string, words: Vocabulary): fc.Arbitrary<string> {
  const parts = path
    .split('/')
    .map((part) =>
      part.startsWith(':')
        ? fc
            .oneof({ arbitrary: words[part.slice(1).toLowerCase()] ?? scrap, weight: 3 }, { arbitrary: scrap, weight: 1 })
            .map((text) => encodeURI(String(text)))
        : fc.constant(part),
    );
  return fc.tuple(...parts).map((all) => all.join('/'));
}

const attackOf = (draft: Draft): Attack => ({
  name: nameOf(draft.route),
  door: draft.route.door,
  route: draft.route,
  method: draft.method,
  bytes: bytesOf(draft),
  isLast: draft.isLast || !isPlain(draft),
});

/** Whether the parser of HTTP has to make a request of it, and can find its end. */
const isPlain = ({ target, headers }: Draft): boolean =>
  /^[!-~]+$/.test(target) && headers.every(([name, value]) => /^[\w-]+$/.test(name) && /^[\t -~\x80-\xff]*$/.test(value));

const LINES = [
  'GET / HTTP/1.1',
  'POST /oauth2/token HTTP/1.1',
  'GET / HTTP/0.9',
  'GET / HTTP/3.0',
  'PRI * HTTP/2.0',
  'CONNECT x:1 HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'get /health http/1.1',
  'GET /health',
  '\r\n\r\n',
  'HTTP/1.1 200 OK',
  '\x16\x03\x01\x02\x00\x01',
  'host: x',
  'content-length: 5',
  'transfer-encoding: chunked',
  'ffffffffffffffff',
  '0',
  '{}',
];

function noRequest(routes: readonly AttackedRoute[]): fc.Arbitrary<Attack> {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map((some) => Buffer.from(some)),
    fc
      .array(fc.oneof(fc.constantFrom(...LINES), scrap), { minLength: 1, maxLength: 8 })
      .map((lines) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')),
  );
  const doors = [...new Set(routes.map(({ door }) => door))];
  return fc.record({ bytes, door: fc.constantFrom(...doors) }).map(({ bytes, door }) => ({
    name: `${door} bytes`,
    door,
    route: undefined,
    method: '',
    bytes,
    isLast: true,
  }));
}

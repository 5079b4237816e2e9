/** What nobody ought to send: values that break programs which did not expect them, as fast-check makes them. */
import fc from 'fast-check';

/** Stands in a value for text that no `JSON.stringify` would write. */
const MARK = '\uE000raw';

/** JSON texts, some of which are none. */
const RAW: readonly string[] = [
  '1e400',
  '-1e400',
  '-0',
  '0.1',
  '1e-400',
  '01',
  'NaN',
  'Infinity',
  'undefined',
  '9007199254740993',
  '9007199254740991',
  '8640000000000001',
  '253402300800000',
  '123456789012345678901234567890',
  '-9223372036854775809',
  '2147483648',
  '1.5',
  'null',
  'true',
  '""',
  '" "',
  '{}',
  '[]',
  '"\\ud800"',
  '"\\udc00x\\ud800"',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ufffe\\uffff"',
  '"\\u202etxt.exe"',
  '"\\u001b[31mred\\u001b]0;title\\u0007"',
  '"\\r\\nSet-Cookie: a=b\\r\\n\\r\\n{}"',
  '"\\n{\\"level\\":\\"info\\",\\"msg\\":\\"forged\\"}"',
  '"../../../../etc/passwd"',
  '"..\\\\..\\\\windows\\\\win.ini"',
  '"/etc/passwd\\u0000.png"',
  '"\' OR 1=1 --"',
  '"%00%0d%0a%2e%2e%2f"',
  '"$(id)`id`;id|id"',
  '"=cmd|\'/c calc\'!A0"',
  '"<script>alert(1)</script>"',
  '"__proto__"',
  '"constructor"',
  '{"__proto__":{"isAdmin":true}}',
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '{"toString":1,"valueOf":null,"toJSON":{},"then":{},"length":-1}',
  '{"a":1,"a":2}',
  '[null,null,null]',
  '[[[[[[[[[[[[1]]]]]]]]]]]]',
];

/** Too long to be written down, and made once. */
const LONG: readonly string[] = [
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  `${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`,
  `"${'x'.repeat(20_000)}"`,
  `"${'\\ud83d\\ude00'.repeat(2000)}"`,
  `[${'0,'.repeat(5000)}0]`,
  `[${'{},'.repeat(1500)}{}]`,
  `{${Array.from({ length: 2000 }, (_, index) => `"k${index}":0`).join()}}`,
  '9'.repeat(5000),
];

const raw = fc.oneof({ arbitrary: fc.constantFrom(...RAW), weight: 30 }, { arbitrary: fc.constantFrom(...LONG), weight: 1 });

/** To be put anywhere into a value, which is then written with `written`. */
const rubbish: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: raw.map((text) => `${MARK}${text}`), weight: 6 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 20 }), weight: 1 },
  { arbitrary: fc.double(), weight: 1 },
  { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
);

const KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'toJSON',
  'then',
  '',
  ' ',
  'Id',
  'name',
  'NextToken',
  'AsOf',
  'x'.repeat(3000),
  '\u0000',
  '\n',
];

/** JSON with what `rubbish` has put into it. */
export function written(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'number' && !Number.isFinite(part) ? `${MARK}${part}` : part)) ?? '';
  return text.replaceAll(new RegExp(`"${MARK}((?:[^"\\\\]|\\\\.)*)"`, 'g'), (_, inner: string) => JSON.parse(`"${inner}"`) as string);
}

/** One change of a value, somewhere in it. `where` between 0 and 1. */
export interface Change {
  readonly where: number;
  readonly kind: 'replace' | 'remove' | 'add' | 'wrap' | 'repeat' | 'swap';
  readonly key: string;
  readonly rubbish: unknown;
}

export const change: fc.Arbitrary<Change> = fc.record({
  where: fc.double({ min: 0, max: 0.999, noNaN: true }),
  kind: fc.constantFrom<Change['kind']>('replace', 'replace', 'replace', 'remove', 'add', 'wrap', 'repeat', 'swap'),
  key: fc.constantFrom(...KEYS),
  rubbish,
});

/** The value changed at one of its places; the original stays as it is. */
export function changed(value: unknown, { where, kind, key, rubbish }: Change): unknown {
  const total = places(value);
  let left = Math.floor(where * total);
  const visit = (part: unknown): unknown => {
    const isHere = left === 0;
    left -= 1;
    if (isHere) return atPlace(part, { kind, key, rubbish });
    if (Array.isArray(part)) return part.map(visit);
    if (!isObject(part)) return part;
    return Object.fromEntries(
      Object.entries(part).flatMap(([name, inner]) => {
        const isRemoved = kind === 'remove' && left === 0;
        const next = visit(inner);
        return isRemoved ? [] : [[kind === 'swap' && left === -1 ? name.toLowerCase() : name, next]];
      }),
    );
  };
  return visit(value);
}

function atPlace(part: unknown, { kind, key, rubbish }: Omit<Change, 'where'>): unknown {
  switch (kind) {
    case 'replace':
      return rubbish;
    case 'add':
      if (Array.isArray(part)) return [...part, rubbish];
      // A key of this name is a key of its own in the text, and not the prototype.
      return isObject(part) ? Object.fromEntries([...Object.entries(part), [key, rubbish]]) : { [key || 'x']: part };
    case 'wrap':
      return [part];
    case 'repeat':
      return Array.from({ length: 3 }, () => part);
    default:
      return part;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function places(value: unknown): number {
  const inner = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  return inner.reduce((sum: number, part) => sum + places(part), 1);
}

/** Pieces of text for addresses and headers, as latin1: one character is one byte. */
export const scrap: fc.Arbitrary<string> = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      '',
      '%',
      '%zz',
      '%00',
      '%0d%0aset-cookie:%20a=b',
      '%ff%fe',
      '..',
      '%2e%2e%2f',
      '/',
      '//',
      ';',
      '?',
      '#',
      '&&',
      '=',
      '+',
      '*',
      '\\',
      '~',
      '|',
      '%u0000',
      'null',
      '-1',
      '1e3',
      '0x10',
      ' 1',
      '99999999999999999999',
      '__proto__',
      'constructor',
      "'",
      '"',
      '<x>',
      '{}',
      '[]',
      'a'.repeat(2000),
    ),
    weight: 4,
  },
  { arbitrary: fc.stringMatching(/^[!-~]{1,12}$/), weight: 2 },
  { arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 8 }), weight: 1 },
  { arbitrary: fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('latin1')), weight: 1 },
);

/** The requirement language against a second, naive reading of it, and against noise. */
import fc from 'fast-check';
import t from 'tap';
import { serverId } from '../../../domain/ids.ts';
import { meets } from '../../../domain/placement/predicate.ts';
import type { PlaceableServer } from '../../../domain/placement/properties.ts';
import { compileRequirement, MAX_LENGTH } from '../../../domain/placement/requirements.ts';
import { description } from '../../helpers/samples.ts';
import { SEED } from '../../helpers/seed.ts';

const KEYS = ['tag:a', 'tag:b', 'tag:dcv:max-virtual-sessions', 'server:Host.Memory.TotalBytes', 'server:Host.CpuLoadAverage.OneMinute'];
const OPERATORS = ['=', '!=', '<', '<=', '>', '>=', ':='];
const TEXTS = ['', 'x', 'X', 'xy', "o'hara", '5', '5.0', '10', '-1', '1e1', ' 5', '5 ', 'NaN', 'Infinity', '0x5', '((', 'AND'];

type Tree =
  | { readonly kind: 'term'; readonly key: string; readonly operator: string; readonly value: string | number }
  | { readonly kind: 'not'; readonly inner: Tree }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Tree[] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .record({
        kind: fc.constant('term' as const),
        key: fc.constantFrom(...KEYS),
        operator: fc.constantFrom(...OPERATORS),
        value: fc.oneof(fc.constantFrom(...TEXTS), fc.constantFrom(0, 5, 10, -1, 0.5, 1e21, 16e9)),
      })
      .map((term) => (term.operator === ':=' ? { ...term, value: String(term.value) } : term)),
    fc.record({ kind: fc.constant('not' as const), inner: tie('tree') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), parts: fc.array(tie('tree'), { minLength: 2, maxLength: 3 }) }),
  ),
}));

/** Writes a tree down, with parentheses only where they are needed and, here and there, where they are not. */
function write(node: Tree, style: number): string {
  const gap = [' ', '\t', ' \r\n '][style % 3] as string;
  const word = (text: string): string => (style % 2 === 0 ? text : text.toLowerCase());
  if (node.kind === 'term') {
    const value = typeof node.value === 'number' ? writeNumber(node.value) : `'${node.value.replaceAll("'", "''")}'`;
    return style % 5 === 0 ? `${node.key}${node.operator}${value}` : `${node.key}${gap}${node.operator}${gap}${value}`;
  }
  if (node.kind === 'not') {
    const inner = write(node.inner, style + 1);
    return node.inner.kind === 'term' && style % 7 !== 0 ? `${word('NOT')}${gap}${inner}` : `${word('Not')}(${inner})`;
  }
  const parts = node.parts.map((part, index) => {
    const text = write(part, style + index + 1);
    const isLoose = part.kind === 'or' ? node.kind === 'and' : part.kind === 'and' && style % 11 === 0;
    return isLoose ? `(${text})` : text;
  });
  return parts.join(`${gap}${word(node.kind.toUpperCase())}${gap}`);
}

const writeNumber = (value: number): string => (value === 1e21 ? '1E+21' : value === 16e9 ? '16E9' : String(value));

/** The meaning, written as plainly as can be. */
function judge(node: Tree, server: PlaceableServer): boolean {
  if (node.kind === 'not') return !judge(node.inner, server);
  if (node.kind !== 'term') return node.parts[node.kind === 'and' ? 'every' : 'some']((part) => judge(part, server));
  const value = readKey(node.key, server);
  return value !== undefined && compare(value, node.operator, node.value);
}

function compare(value: string | number, operator: string, wanted: string | number): boolean {
  if (operator === ':=') return `${value}`.indexOf(`${wanted}`) >= 0;
  const isText = typeof value === 'string' && typeof wanted === 'string';
  const left = isText ? value : numberOf(value);
  const right = isText ? wanted : numberOf(wanted);
  if (left === undefined || right === undefined) return operator === '!=';
  const allowed: Readonly<Record<string, readonly number[]>> = {
    '=': [0],
    '!=': [-1, 1],
    '<': [-1],
    '<=': [-1, 0],
    '>': [1],
    '>=': [0, 1],
  };
  return allowed[operator]?.includes(left < right ? -1 : left > right ? 1 : 0) ?? false;
}

function readKey(key: string, { description, telemetry }: PlaceableServer): string | number | undefined {
  if (key === 'server:Host.Memory.TotalBytes') return description.memoryTotalBytes;
  if (key === 'server:Host.CpuLoadAverage.OneMinute') return telemetry?.cpuLoadAverage[0];
  return description.tags.find((tag) => `tag:${tag.key}` === key)?.value;
}

function numberOf(value: string | number): number | undefined {
  if (typeof value === 'number') return value;
  return ['5', '5.0', '10', '-1', '1e1'].includes(value) ? parseFloat(value) : undefined;
}

const servers = fc
  .record({
    a: fc.option(fc.constantFrom(...TEXTS)),
    b: fc.option(fc.constantFrom(...TEXTS)),
    most: fc.option(fc.constantFrom('5', '10', 'x')),
    memory: fc.constantFrom(5, 10, 16e9),
    load: fc.option(fc.constantFrom(0, 0.5, 5)),
  })
  .map(({ a, b, most, memory, load }): PlaceableServer => {
    const tags = Object.entries({ a, b, 'dcv:max-virtual-sessions': most }).flatMap(([key, value]) =>
      value === null ? [] : [{ key, value }],
    );
    const telemetry = load === null ? undefined : ({ memoryUsedBytes: 0, swapUsedBytes: 0, cpuLoadAverage: [load, 0, 0] } as const);
    return { id: serverId('s'), description: description({ tags, memoryTotalBytes: memory }), telemetry };
  });

t.test('a requirement means what a naive reading of it means', async (t) => {
  let asked = 0;
  fc.assert(
    fc.property(tree, fc.nat(1_000), fc.array(servers, { minLength: 1, maxLength: 4 }), (node, style, fleet) => {
      const text = write(node, style);
      fc.pre(text.length <= MAX_LENGTH);
      const compiled = compileRequirement(text);
      if ('error' in compiled) throw new Error(`${text}: ${compiled.error.message}`);
      for (const server of fleet) {
        asked += 1;
        if (meets(server, compiled.requirement) !== judge(node, server)) throw new Error(`${text} on ${JSON.stringify(server)}`);
      }
    }),
    { numRuns: 2_000, seed: SEED },
  );
  t.ok(asked >= 2_000);
});

t.test('whatever the text, the answer is a requirement or a mistake inside the text', async (t) => {
  const words = fc.constantFrom(
    ...KEYS,
    ...OPERATORS,
    "'",
    "''",
    "'x'",
    '(',
    ')',
    'and',
    'OR',
    'nOt',
    '5',
    '1E9',
    ' ',
    '\n',
    'tag:',
    'server:X',
    '😀',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(words, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  const outcomes = { requirement: 0, error: 0 };
  fc.assert(
    fc.property(texts, (text) => {
      const compiled = compileRequirement(text);
      if ('requirement' in compiled) {
        outcomes.requirement += 1;
        return true;
      }
      outcomes.error += 1;
      const { column, message } = compiled.error;
      return (
        Number.isInteger(column) && column >= 1 && column <= text.length + 1 && message.length < 200 && !/[\p{Cc}\p{Cs}]/u.test(message)
      );
    }),
    { numRuns: 5_000, seed: SEED },
  );
  t.ok(outcomes.requirement > 0 && outcomes.error > 0, 'both kinds were met');
});

type Cost = (self: string, result: unknown, parameters: readonly unknown[]) => number;

const all = (self: string): number => self.length;

/** What the built-in functions of JavaScript look at or copy for the parser: characters, and one more for each call. */
const COSTS: readonly (readonly [owner: object, name: string, cost: Cost])[] = [
  [String.prototype, 'charAt', () => 0],
  [String.prototype, 'slice', (_, part) => String(part).length],
  [String.prototype, 'indexOf', (self, found, [, from = 0]) => (found === -1 ? self.length : Number(found)) - Number(from)],
  [String.prototype, 'replace', all],
  [String.prototype, 'replaceAll', all],
  [RegExp.prototype, 'exec', (_, match) => (match === null ? 0 : String(Object(match)[0]).length)],
];

/** Steps that it takes to read a text. Time would say more about the machine. */
function stepsOf(text: string): number {
  let steps = 0;
  const originals = COSTS.map(([owner, name, cost]) => {
    const original = Reflect.get(owner, name);
    Reflect.set(owner, name, function counted(this: unknown, ...parameters: unknown[]): unknown {
      const result = Reflect.apply(original, this, parameters);
      steps += 1 + cost(String(this), result, parameters);
      return result;
    });
    return original;
  });
  try {
    compileRequirement(text);
  } finally {
    COSTS.forEach(([owner, name], index) => {
      Reflect.set(owner, name, originals[index]);
    });
  }
  return steps;
}

t.test('each character of a text is looked at a bounded number of times, however nasty the text', async (t) => {
  const nasty = [
    '(',
    ')',
    "'",
    "''",
    ' ',
    '1',
    '1.',
    '-1e',
    'E',
    'tag:',
    'tag:a=',
    'tag:dcv:',
    'server:A.',
    'NOT ',
    'a',
    '=',
    ":='",
    "tag:a='' OR ",
    'tag:a=1 AND ',
    "(tag:a='') OR ",
    'NOT tag:a=1 AND ',
  ];
  let most = 0;
  for (const part of nasty) {
    const text = part.repeat(Math.floor(MAX_LENGTH / part.length));
    const perCharacter = stepsOf(text) / text.length;
    t.ok(perCharacter < 16, `${JSON.stringify(part)} again and again: ${perCharacter.toFixed(1)} times`);
    most = Math.max(most, perCharacter);
  }
  t.ok(most > 1, 'what the parser does is counted');
});

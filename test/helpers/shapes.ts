/**
 * What the data of facts looks like, learned from examples: at each place, which kinds of values there may be, and of an object, which keys it always
 * has and which it may have. Places are written as `choice.candidates[]`; under a place that is a map, keys are free (`choice.turnedDown.*`).
 */

export interface Shape {
  /** Undefined: as expected. Otherwise a sentence on the first thing that is not. */
  differenceOf(data: unknown): string | undefined;
}

interface Known {
  readonly kinds: Set<string>;
  /** Of its objects; undefined before the first. */
  always: readonly string[] | undefined;
  readonly ever: Set<string>;
}

/** `maps`: places whose keys are data, not shape. */
export function shapeOf(examples: readonly unknown[], maps: ReadonlySet<string> = new Set()): Shape {
  const places = new Map<string, Known>();
  for (const example of examples) learn(places, walk(example, '', maps));
  return {
    differenceOf(data) {
      for (const found of walk(data, '', maps)) {
        const difference = compare(places.get(found.place), found);
        if (difference !== undefined) return difference;
      }
      return undefined;
    },
  };
}

interface Found {
  readonly place: string;
  readonly kind: string;
  readonly keys: readonly string[];
}

function* walk(value: unknown, place: string, maps: ReadonlySet<string>): Iterable<Found> {
  const kind = kindOf(value);
  const isMap = maps.has(place);
  yield { place, kind, keys: kind === 'object' && !isMap ? Object.keys(value as object) : [] };
  if (kind === 'array') for (const item of value as readonly unknown[]) yield* walk(item, `${place}[]`, maps);
  if (kind !== 'object') return;
  for (const [key, item] of Object.entries(value as object)) yield* walk(item, join(place, isMap ? '*' : key), maps);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const join = (place: string, key: string): string => (place === '' ? key : `${place}.${key}`);

function learn(places: Map<string, Known>, example: Iterable<Found>): void {
  for (const { place, kind, keys } of example) {
    const known = places.get(place) ?? { kinds: new Set(), always: undefined, ever: new Set() };
    places.set(place, known);
    known.kinds.add(kind);
    for (const key of keys) known.ever.add(key);
    if (kind === 'object') known.always = keys.filter((key) => known.always?.includes(key) ?? true);
  }
}

function compare(known: Known | undefined, { place, kind, keys }: Found): string | undefined {
  const where = place === '' ? 'the data' : `"${place}"`;
  if (!known?.kinds.has(kind)) return `${where} is of the kind ${kind}, and was ${[...(known?.kinds ?? ['nothing'])].join(' or ')}`;
  const added = keys.find((key) => !known.ever.has(key));
  if (added !== undefined) return `${where} has a new key, "${added}"`;
  const missing = kind === 'object' ? known.always?.find((key) => !keys.includes(key)) : undefined;
  return missing === undefined ? undefined : `${where} lacks the key "${missing}"`;
}

/** In which line of a TOML file a key stands. The parser tells that of a file it cannot read, but not of a key that it has read. */
import { parse } from 'smol-toml';

/** Beyond this a file is nothing that a person wrote to configure something. */
export const MAX_TOML_BYTES = 1024 * 1024;
/** Of one value; the keys inside a longer one, and whatever stands behind it, go without a line. */
const MAX_VALUE_LINES = 200;

export type Path = readonly string[];

/** From 1 on. Undefined where the key does not stand in the file. The text is TOML that can be parsed. */
export function createLineFinder(toml: string): (path: Path) => number | undefined {
  const lines = linesOfKeys(toml);
  return (path) => lines.get(nameOf(path));
}

const nameOf = (path: Path): string => JSON.stringify(path);

function linesOfKeys(toml: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const lines = toml.split('\n');
  let section: Path = [];
  for (let at = 0; at < lines.length; ) {
    const statement = statementAt(lines, at);
    if (statement === undefined) break;
    const isHeader = /^\s*\[/.test(String(lines[at]));
    const keys = pathsIn(statement.value);
    const paths = isHeader ? keys : keys.map((path) => [...section, ...path]);
    for (const path of paths) if (!found.has(nameOf(path))) found.set(nameOf(path), at + 1);
    if (isHeader) section = keys.at(-1) ?? [];
    at += statement.length;
  }
  return found;
}

/** The shortest run of lines that is TOML by itself: a value in several lines is none before its end. */
function statementAt(lines: readonly string[], from: number): { readonly value: object; readonly length: number } | undefined {
  for (let length = 1; length <= MAX_VALUE_LINES && from + length <= lines.length; length += 1) {
    try {
      return { value: parse(lines.slice(from, from + length).join('\n')), length };
    } catch {
      // It goes on in the next line.
    }
  }
  return undefined;
}

/** Of all keys in `value`, outer ones first. */
function pathsIn(value: unknown): readonly Path[] {
  if (Array.isArray(value)) return value.flatMap(pathsIn);
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[key], ...pathsIn(inner).map((path) => [key, ...path])]);
}

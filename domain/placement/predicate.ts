/**
 * What the terms of a requirement mean, where the original's documents leave it open.
 *
 * - A server that lacks the key (no such tag, no such property, no telemetry yet) fails the term, whatever the operator; so
 *   `tag:a != 'x'` wants servers that have the tag `a`, and `NOT tag:a = 'x'` takes those without it as well.
 * - Where both sides are text, `=`, `<` and the others compare code units, case-sensitively: `'10' < '9'`, `'A' < 'a'`.
 * - Where one side is a number, the other is read as one: `tag:ram > 8` and `server:Host.Memory.TotalBytes > '1E9'` compare numbers. If
 *   the text writes no number, the sides differ: `!=` holds and nothing else does.
 * - `:=` looks for the text anywhere in the value, a number being taken as its shortest decimal text.
 */
import type { PlaceableServer, Read } from './properties.ts';
import type { Operator } from './tokens.ts';
import { parseNumber } from './tokens.ts';

export type Predicate = (server: PlaceableServer) => boolean;

export function term(read: Read, operator: Operator, wanted: string | number): Predicate {
  const compare = COMPARE[operator];
  const number = typeof wanted === 'number' ? wanted : parseNumber(wanted);
  return (server) => {
    const value = read(server);
    if (value === undefined) return false;
    if (typeof value === typeof wanted) return compare(value, wanted);
    if (operator === ':=') return compare(String(value), wanted);
    const left = typeof value === 'number' ? value : parseNumber(value);
    return left === undefined || number === undefined ? operator === '!=' : compare(left, number);
  };
}

export function not(inner: Predicate): Predicate {
  return (server) => !inner(server);
}

export function all(parts: readonly Predicate[]): Predicate {
  return single(parts) ?? ((server) => parts.every((part) => part(server)));
}

export function any(parts: readonly Predicate[]): Predicate {
  return single(parts) ?? ((server) => parts.some((part) => part(server)));
}

type Compare = (value: string | number, wanted: string | number) => boolean;

/** Both sides are of one type when these are called; JavaScript then compares numbers, or texts by code unit. */
const COMPARE: Readonly<Record<Operator, Compare>> = {
  '=': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '<': (value, wanted) => value < wanted,
  '<=': (value, wanted) => value <= wanted,
  '>': (value, wanted) => value > wanted,
  '>=': (value, wanted) => value >= wanted,
  ':=': (value, wanted) => String(value).includes(String(wanted)),
};

function single(parts: readonly Predicate[]): Predicate | undefined {
  return parts.length === 1 ? parts[0] : undefined;
}

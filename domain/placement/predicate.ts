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
import type { ServerId } from '../ids.ts';
import { serverId } from '../ids.ts';
import type { PlaceableServer, Property } from './properties.ts';
import type { Operator } from './tokens.ts';
import { parseNumber } from './tokens.ts';

export type Predicate = (server: PlaceableServer) => boolean;

/**
 * What a server has to be like, in two parts that must both hold; a part that is absent always does. The answer of the stable part may be
 * kept until the server describes itself anew. `only`: no other server can meet it.
 */
export interface Requirement {
  readonly stable?: Predicate | undefined;
  readonly volatile?: Predicate | undefined;
  readonly only?: ServerId | undefined;
}

export function meets(server: PlaceableServer, { stable, volatile }: Requirement): boolean {
  return (stable === undefined || stable(server)) && (volatile === undefined || volatile(server));
}

export function term(key: Property, operator: Operator, wanted: string | number): Requirement {
  const holds = comparison(key, operator, wanted);
  if (key.volatile) return { volatile: holds };
  return { stable: holds, only: key.isId && operator === '=' ? serverId(String(wanted)) : undefined };
}

export function not(inner: Requirement): Requirement {
  return whole([inner], (server) => !meets(server, inner));
}

export function all(parts: readonly Requirement[]): Requirement {
  return {
    stable: every(parts.flatMap(({ stable }) => stable ?? [])),
    volatile: every(parts.flatMap(({ volatile }) => volatile ?? [])),
    only: parts.find(({ only }) => only !== undefined)?.only,
  };
}

export function any(parts: readonly Requirement[]): Requirement {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  return whole(parts, (server) => parts.some((part) => meets(server, part)));
}

function comparison({ read }: Property, operator: Operator, wanted: string | number): Predicate {
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

function every(predicates: readonly Predicate[]): Predicate | undefined {
  return predicates.length <= 1 ? predicates[0] : (server) => predicates.every((predicate) => predicate(server));
}

/** Parts that cannot be taken apart: one that is volatile makes the whole volatile. */
function whole(parts: readonly Requirement[], predicate: Predicate): Requirement {
  return parts.some(({ volatile }) => volatile !== undefined) ? { volatile: predicate } : { stable: predicate };
}

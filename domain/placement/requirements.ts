/**
 * The requirement language of CreateSessions: `tag:team = 'art' AND NOT (server:Host.Os.Family = 'windows' OR tag:ram < 16)`.
 * NOT binds tighter than AND, AND tighter than OR. Text comes in, a predicate over servers goes out; a mistake is data, never thrown.
 *
 *     any of   := all of { OR all of }
 *     all of   := part { AND part }
 *     part     := [ NOT ] ( '(' any of ')' | term )
 *     term     := key operator value
 *
 * What the terms mean is said in predicate.ts; docs/requirements.md tells it to users.
 */
import { keep } from './bounded.ts';
import type { Requirement } from './predicate.ts';
import { all, any, not, term } from './predicate.ts';
import type { Property } from './properties.ts';
import { property, tag } from './properties.ts';
import type { Scanner, Token } from './tokens.ts';
import { createScanner } from './tokens.ts';

/** Characters (UTF-16 code units) of one requirement. */
export const MAX_LENGTH = 4096;
/** Parentheses inside parentheses. */
export const MAX_DEPTH = 100;
/** How many compiled texts are kept. */
const MAX_KEPT = 256;

/** `column` counts from 1. `message` is a sentence for the API's user. */
export interface RequirementError {
  readonly column: number;
  readonly message: string;
}

export type Compiled = { readonly requirement: Requirement } | { readonly error: RequirementError };

/** What is wanted where nothing is: any server will do. */
export const ANY_SERVER: Requirement = {};

/** Compiles a text, or gives the very object it gave before if that was among the last few hundred texts. Absent or blank text wants nothing. Takes time linear in the text. */
export function compileRequirement(text: string | undefined): Compiled {
  if (text === undefined) return { requirement: ANY_SERVER };
  if (text.length > MAX_LENGTH) {
    return { error: { column: MAX_LENGTH + 1, message: `the requirement has more than ${MAX_LENGTH} characters` } };
  }
  const before = kept.get(text);
  if (before !== undefined) return before;
  return keep(kept, text, compile(text), MAX_KEPT);
}

const kept = new Map<string, Compiled>();

interface Parser {
  readonly text: string;
  readonly scanner: Scanner;
  depth: number;
}

/** What a part of the text means, or the first mistake. */
type Parsed = Requirement | RequirementError;

function compile(text: string): Compiled {
  const parser: Parser = { text, scanner: createScanner(text), depth: 0 };
  if (parser.scanner.peek().kind === 'end') return { requirement: ANY_SERVER };
  const requirement = anyOf(parser);
  if (isMistake(requirement)) return { error: requirement };
  if (parser.scanner.peek().kind !== 'end') return { error: expected(parser, 'AND, OR or the end of the text') };
  return { requirement };
}

function anyOf(parser: Parser): Parsed {
  return series(parser, 'or', allOf, any);
}

function allOf(parser: Parser): Parsed {
  return series(parser, 'and', part, all);
}

function series(
  parser: Parser,
  keyword: 'and' | 'or',
  parse: (parser: Parser) => Parsed,
  join: (parts: readonly Requirement[]) => Requirement,
): Parsed {
  const parts: Requirement[] = [];
  for (;;) {
    const parsed = parse(parser);
    if (isMistake(parsed)) return parsed;
    parts.push(parsed);
    if (parser.scanner.peek().kind !== keyword) return join(parts);
    parser.scanner.next();
  }
}

function part(parser: Parser): Parsed {
  if (parser.scanner.peek().kind !== 'not') return operand(parser, 'NOT, ( or a key that starts with tag: or server:');
  parser.scanner.next();
  const inner = operand(parser, '( or a key that starts with tag: or server:');
  return isMistake(inner) ? inner : not(inner);
}

function operand(parser: Parser, wanted: string): Parsed {
  const token = parser.scanner.peek();
  if (token.kind === 'open') return group(parser);
  if (token.kind === 'tag') return comparison(parser, tag(token.name));
  if (token.kind !== 'server') return expected(parser, wanted);
  const known = property(token.name);
  if (known !== undefined) return comparison(parser, known);
  return { column: token.start + 1, message: `Server property \`${token.name}\` not found` };
}

function group(parser: Parser): Parsed {
  const { start } = parser.scanner.next();
  parser.depth += 1;
  if (parser.depth > MAX_DEPTH) return mistake(start, `more than ${MAX_DEPTH} parentheses inside each other`);
  const inner = anyOf(parser);
  if (isMistake(inner)) return inner;
  if (parser.scanner.peek().kind !== 'close') return expected(parser, 'AND, OR or )');
  parser.scanner.next();
  parser.depth -= 1;
  return inner;
}

function comparison(parser: Parser, key: Property): Parsed {
  parser.scanner.next();
  const operator = parser.scanner.peek();
  if (operator.kind !== 'operator') return expected(parser, 'an operator (= != < <= > >= :=)');
  parser.scanner.next();
  const value = parser.scanner.peek();
  if (value.kind !== 'text' && value.kind !== 'number') return expected(parser, "a number or a text in single quotes ('…')");
  parser.scanner.next();
  if (value.kind === 'number' && operator.operator === ':=') {
    return mistake(value.start, ':= (contains) wants a text in single quotes, not a number');
  }
  if (value.value === Number.POSITIVE_INFINITY || value.value === Number.NEGATIVE_INFINITY) {
    return mistake(value.start, 'the number is too large');
  }
  return term(key, operator.operator, value.value);
}

function expected(parser: Parser, wanted: string): RequirementError {
  const token = parser.scanner.peek();
  if (token.kind === 'unclosed') return mistake(token.start, "the text that starts here has no closing '");
  return mistake(token.start, `expected ${wanted} but found ${found(parser.text, token)}`);
}

function found(text: string, token: Token): string {
  if (token.kind === 'end') return 'the end of the text';
  if (token.kind === 'text') return 'a text';
  const written = text.slice(token.start, token.start + 40).replace(/^([\w.:+-]+|.).*$/su, '$1');
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u.test(written)) return `'${written}'`;
  return `the character U+${Number(written.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
}

function mistake(start: number, message: string): RequirementError {
  return { column: start + 1, message: `column ${start + 1}: ${message}` };
}

function isMistake(parsed: Parsed): parsed is RequirementError {
  return 'message' in parsed;
}

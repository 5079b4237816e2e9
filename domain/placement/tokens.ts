/** The words of the requirement language. One pass over the text; each character is looked at a bounded number of times. */

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | ':=';

/** `start` counts from 0. A `stray` is where no word of the language begins. */
export type Token = { readonly start: number } & (
  | { readonly kind: 'open' | 'close' | 'and' | 'or' | 'not' | 'end' | 'stray' | 'unclosed' }
  | { readonly kind: 'tag' | 'server'; readonly name: string }
  | { readonly kind: 'operator'; readonly operator: Operator }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
);

export interface Scanner {
  /** The token under the reading point, which stays. */
  peek(): Token;
  /** The same, and the reading point moves behind it. */
  next(): Token;
}

/** How a number is written, in a requirement and in the value of a tag: `16`, `-0.5`, `1024E6`. */
const NUMBER = /[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const SPACE = ' \t\r\n';
const TAG = /tag:(dcv:[A-Za-z0-9_-]+|[A-Za-z_][A-Za-z_0-9]*)/y;
const SERVER = /server:([A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z][A-Za-z0-9]*)*)/y;
const OPERATOR = /!=|<=|>=|:=|=|<|>/y;
const WORD = /[A-Za-z_][A-Za-z_0-9]*/y;
const KEYWORDS: ReadonlyMap<string, 'and' | 'or' | 'not'> = new Map([
  ['AND', 'and'],
  ['OR', 'or'],
  ['NOT', 'not'],
]);

export function createScanner(text: string): Scanner {
  let read = scan(text, 0);
  return {
    peek: () => read.token,
    next: () => {
      const { token } = read;
      read = scan(text, read.end);
      return token;
    },
  };
}

/** The number that the whole of `text` writes; undefined: it writes none, or one that is too large to hold. */
export function parseNumber(text: string): number | undefined {
  const written = match(NUMBER, text, 0);
  const value = Number(text);
  return written?.[0] === text && Number.isFinite(value) ? value : undefined;
}

interface Scanned {
  readonly token: Token;
  readonly end: number;
}

function scan(text: string, from: number): Scanned {
  let start = from;
  while (start < text.length && SPACE.includes(text.charAt(start))) start += 1;
  const character = text.charAt(start);
  if (character === '') return { token: { kind: 'end', start }, end: start };
  if (character === '(') return { token: { kind: 'open', start }, end: start + 1 };
  if (character === ')') return { token: { kind: 'close', start }, end: start + 1 };
  if (character === "'") return scanText(text, start);
  return scanOperator(text, start) ?? scanNumber(text, start) ?? scanKey(text, start) ?? scanWord(text, start);
}

/** A quote inside a text is written twice. */
function scanText(text: string, start: number): Scanned {
  let close = text.indexOf("'", start + 1);
  while (close !== -1 && text[close + 1] === "'") close = text.indexOf("'", close + 2);
  if (close === -1) return { token: { kind: 'unclosed', start }, end: text.length };
  return { token: { kind: 'text', start, value: text.slice(start + 1, close).replaceAll("''", "'") }, end: close + 1 };
}

function scanOperator(text: string, start: number): Scanned | undefined {
  const found = match(OPERATOR, text, start);
  if (found === null) return undefined;
  return { token: { kind: 'operator', start, operator: found[0] as Operator }, end: start + found[0].length };
}

function scanNumber(text: string, start: number): Scanned | undefined {
  const found = match(NUMBER, text, start);
  if (found === null) return undefined;
  return { token: { kind: 'number', start, value: Number(found[0]) }, end: start + found[0].length };
}

function scanKey(text: string, start: number): Scanned | undefined {
  const tag = match(TAG, text, start);
  if (tag?.[1] !== undefined) return { token: { kind: 'tag', start, name: tag[1] }, end: start + tag[0].length };
  const server = match(SERVER, text, start);
  if (server?.[1] !== undefined) return { token: { kind: 'server', start, name: server[1] }, end: start + server[0].length };
  return undefined;
}

function scanWord(text: string, start: number): Scanned {
  const word = match(WORD, text, start)?.[0] ?? '';
  const kind = KEYWORDS.get(word.toUpperCase()) ?? 'stray';
  return { token: { kind, start }, end: start + word.length };
}

function match(pattern: RegExp, text: string, from: number): RegExpExecArray | null {
  pattern.lastIndex = from;
  return pattern.exec(text);
}

/** The scopes of the API as people, requests and tokens write them. */
import { SCOPES, type Scope } from '../domain/access/reach.ts';
import { nearest } from './suggest.ts';

/** What the original's guide calls the API at Amazon Cognito, which writes it before every scope. */
const RESOURCE_SERVER = 'dcv-session-manager/';

/** Undefined: it is none of ours. */
export function scopeNamed(text: string): Scope | undefined {
  const name = text.startsWith(RESOURCE_SERVER) ? text.slice(RESOURCE_SERVER.length) : text;
  return SCOPES.find((scope) => scope === name);
}

/** Those of a list that are ours, each once and in our order. */
export function scopesAmong(texts: readonly string[]): readonly Scope[] {
  const named = new Set(texts.map(scopeNamed));
  return SCOPES.filter((scope) => named.has(scope));
}

/** Which there are, and which of them was most likely meant; what was given is not repeated. */
export function knownScopes(text: string): string {
  const meant = nearestScope(text);
  return `the scopes are ${SCOPES.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** Whatever stands before it, as in `my-api/session:read`. */
export const nearestScope = (text: string): string | undefined =>
  nearest(text.slice(text.lastIndexOf('/') + 1).slice(0, MAX_LENGTH), SCOPES);

const MAX_LENGTH = 64;

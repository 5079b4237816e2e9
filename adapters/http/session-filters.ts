/** The filters of describeSessions: all keys have to be met, and of a key that is given more than once any value. */
import type { SessionState } from '../../projections/views.ts';
import type { SessionQuery } from '../application.ts';
import { badRequest } from './reply.ts';

interface Filter {
  readonly Key?: string | null | undefined;
  readonly Value?: string | null | undefined;
}

type Filters = Pick<SessionQuery, 'owners' | 'names' | 'states' | 'servers' | 'tags'>;

const TAG = 'tag:';
const STATES: ReadonlySet<string> = new Set<SessionState>(['CREATING', 'READY', 'DELETING', 'DELETED', 'UNKNOWN']);

/** Throws 400 for a filter that is not known, and for more than `limit` of them. */
export function readFilters(filters: readonly Filter[], limit: number): Filters {
  if (filters.length > limit) throw badRequest(`Filters: more than ${limit} of them.`);
  const values = new Map<string, string[]>();
  for (const [index, { Key: key, Value: value }] of filters.entries()) {
    if (typeof value !== 'string') throw badRequest(`Filters[${index}].Value: missing.`);
    if (!isKnown(key)) throw unknownKey(index, key);
    const read = key === 'state' ? readState(index, value) : value;
    const known = values.get(key);
    if (known === undefined) values.set(key, [read]);
    else known.push(read);
  }
  const tags = [...values].flatMap(([key, any]) => (key.startsWith(TAG) ? [{ key: key.slice(TAG.length), values: any }] : []));
  return {
    owners: values.get('owner'),
    names: values.get('name'),
    states: values.get('state') as SessionState[] | undefined,
    servers: values.get('server'),
    tags: tags.length === 0 ? undefined : tags,
  };
}

const KEYS: ReadonlySet<string> = new Set(['owner', 'name', 'state', 'server']);

const isKnown = (key: string | null | undefined): key is string =>
  typeof key === 'string' && (KEYS.has(key) || (key.startsWith(TAG) && key !== TAG));

const unknownKey = (index: number, key: string | null | undefined) =>
  badRequest(`Filters[${index}].Key: ${JSON.stringify(key ?? null)} is not known; use owner, name, state, server or tag:<key>.`);

/** In any case of letters, as the type of a session is. */
function readState(index: number, value: string): string {
  const state = value.toUpperCase();
  if (STATES.has(state)) return state;
  throw badRequest(`Filters[${index}].Value: ${JSON.stringify(value)} is no state; use ${[...STATES].join(', ')}.`);
}

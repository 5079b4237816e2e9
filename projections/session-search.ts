/**
 * Which sessions a page holds: their positions, found along an index for every filter there is. The living and the lately deleted are looked
 * up apart and merged in order, so that the many that were deleted long ago cost nothing; so are the living of each state.
 */
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { Reader, Tables } from './database.ts';
import { listed } from './packing.ts';
import type { SessionState } from './views.ts';

/** Each part that is given has to be met; of the values of a part, any one. */
export interface SessionSelection {
  readonly ids?: readonly string[] | undefined;
  readonly owners?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
  /** As they are seen, UNKNOWN included. */
  readonly states?: readonly SessionState[] | undefined;
  /** Where it is placed, or was last. */
  readonly servers?: readonly string[] | undefined;
  /** Tags of its server: all of the keys, each with any of its values. */
  readonly tags?: readonly { readonly key: string; readonly values: readonly string[] }[] | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: number | undefined;
}

type Positions = SelectQueryBuilder<Tables, 'sessions', { position: number }>;

/** `+` hides from SQLite that this is the key, so that it finds what matches first and sorts it then. */
const UNORDERED = sql<number>`+sessions.position`;
const ORDERED = sql<number>`sessions.position`;

/** In order, one more than the limit if there are more; undefined where nothing can match. Deleted sessions count if deleted after `deletedBefore`. */
export function positionsOf(reader: Reader, selection: SessionSelection, deletedBefore: number): Positions | undefined {
  const [first, ...others] = branches(reader, selection, deletedBefore);
  return others
    .reduce((all, branch) => all?.unionAll(branch), first)
    ?.orderBy('position')
    .limit(selection.limit + 1);
}

/**
 * Queries without an overlap. Among few (by owner, name, server or id) the state is only checked, and `+` keeps SQLite from looking for it; an
 * index leads to what has one value in the order of positions already.
 */
function branches(reader: Reader, selection: SessionSelection, deletedBefore: number): readonly Positions[] {
  const narrowing = [selection.ids, selection.owners, selection.names, selection.servers].filter((values) => values !== undefined);
  const isNarrow = narrowing.length > 0;
  const isSingle = narrowing.every(({ length }) => length === 1);
  const living = (position: RawBuilder<number>) => matching(reader, selection, position).where('sessions.deleted_time', 'is', null);
  const deleted = matching(reader, selection, UNORDERED).where('sessions.deleted_time', '>', deletedBefore);
  const position = isSingle ? ORDERED : UNORDERED;
  if (selection.states === undefined) return [living(position), deleted];
  const state = isNarrow ? sql<string>`+sessions.state` : sql<string>`sessions.state`;
  return [...new Set(selection.states)].map((wanted) => {
    if (wanted === 'DELETED') return deleted;
    if (wanted === 'UNKNOWN') return living(isNarrow ? position : UNORDERED).where('sessions.server_id', 'in', unreachable(reader));
    return living(position)
      .where(state, '=', wanted)
      .where((eb) => eb.or([eb('sessions.server_id', 'is', null), eb('sessions.server_id', 'not in', unreachable(reader))]));
  });
}

const unreachable = (reader: Reader) => reader.selectFrom('servers').select('id').where(sql<boolean>`reachable = 0`);

function matching(reader: Reader, selection: SessionSelection, position: RawBuilder<number>): Positions {
  const { ids, owners, names, servers, tags = [], after = 0 } = selection;
  let query = reader.selectFrom('sessions').select(position.as('position')).where(position, '>', after);
  if (ids !== undefined) query = query.where(among(sql`sessions.id`, ids));
  if (owners !== undefined) query = query.where(among(sql`sessions.owner`, owners));
  if (names !== undefined) query = query.where(among(sql`sessions.name`, names));
  if (servers !== undefined) query = query.where(among(sql`sessions.server_id`, servers));
  for (const { key, values } of tags) {
    const tagged = reader.selectFrom('server_tags').select('server_id').where('key', '=', key).where(among(sql`value`, values));
    query = query.where('sessions.server_id', 'in', tagged);
  }
  return query;
}

/** A list is one parameter. One value is compared with, because only then does an index give its rows in order. */
const among = (column: RawBuilder<unknown>, values: readonly string[]): RawBuilder<boolean> =>
  values.length === 1 ? sql<boolean>`${column} = ${values[0]}` : sql<boolean>`${column} in ${listed(values)}`;

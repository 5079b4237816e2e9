/**
 * Where the facts are that an auditor asks for: page by page out of all facts. Every part of a filter has an index whose entries come in the order
 * of positions; the narrowest part leads and the others are only checked, so a page costs what it holds and what was checked in vain.
 */
import { type RawBuilder, sql } from 'kysely';
import type { Position, Revision } from '../domain/facts.ts';
import type { StreamName } from '../domain/ids.ts';
import { beginningOf, hourOf } from './audit.ts';
import { type AuditFilter, streamsOf } from './audit-filter.ts';
import type { Reader } from './database.ts';
import { listed, packed, unpack } from './packing.ts';
import { pageOf } from './paging.ts';
import type { Page } from './views.ts';

/** Where a fact is. */
export interface Place {
  readonly position: Position;
  readonly stream: StreamName;
  readonly revision: Revision;
}

export interface AuditQueries {
  /**
   * Oldest first, 1 to `limit` places behind position `after`. A fact at one of them may yet be of another request that begins alike, and so has to be
   * asked itself.
   */
  places(filter: AuditFilter, limit: number, after: Position): Promise<Page<Place>>;
}

type PackedPlace = readonly [position: Position, stream: StreamName, revision: Revision];

export function createAuditQueries(reader: Reader): AuditQueries {
  return {
    async places(filter, limit, after) {
      const always = [...(await windowOf(reader, filter, after)), ...timeChecks(filter)];
      const [leading = EVERYTHING, ...others] = partsOf(filter, await typesOf(reader, filter));
      const conditions = [...always, ...others.map(({ check }) => check)];
      const branches = leading.leads.map((lead) => branch([lead, ...conditions], limit + 1));
      if (branches.length === 0) return { items: [] };
      const positions = sql`(select position from (${sql.join(branches, sql` union `)}) order by position limit ${limit + 1})`;
      const query = reader
        .selectFrom('audit')
        .where(sql<boolean>`position in ${positions}`)
        .select((eb) => packed([eb.ref('position'), eb.ref('stream'), eb.ref('revision')], eb.ref('position')).as('rows'));
      const rows = await unpack<PackedPlace>(reader, query.compile());
      return pageOf(rows.map(placeOf), limit, (place) => place);
    },
  };
}

const placeOf = ([position, stream, revision]: PackedPlace): Place => ({ position, stream, revision });

type Condition = RawBuilder<boolean>;

/** One part of a filter. */
interface Part {
  /** What finds it along indexes: any one of these. */
  readonly leads: readonly Condition[];
  /** What tells it of a fact that was found otherwise; `+` hides from SQLite that there is an index. */
  readonly check: Condition;
}

const EVERYTHING: Part = { leads: [sql<boolean>`true`], check: sql<boolean>`true` };

/** A limit for each, because only then does SQLite stop reading along the index; each in a query of its own, because a compound takes no limits. */
const branch = (conditions: readonly Condition[], limit: number): RawBuilder<unknown> =>
  sql`select * from (select position from audit where ${sql.join(conditions, sql` and `)} order by position limit ${limit})`;

/** The narrowest first. `types`: those that may be meant. */
function partsOf({ requestId, actor, owner, client, type }: AuditFilter, types: readonly string[]): readonly Part[] {
  const parts: Part[] = [];
  if (requestId !== undefined) parts.push(ofRequest(requestId));
  if (actor !== undefined) {
    const [at, about] = [ofStreams(streamsOf(actor)), equal('target', streamsOf(actor))];
    parts.push({ leads: [...at.leads, ...about.leads], check: sql<boolean>`(${at.check} or ${about.check})` });
  }
  if (owner !== undefined) parts.push(ownedBy(owner));
  const ofTypes = equal('type', types);
  if (client !== undefined) parts.push(by(client, ofTypes));
  else if (type !== undefined) parts.push(ofTypes);
  return parts;
}

function equal(column: 'stream' | 'target' | 'client' | 'type', values: readonly string[]): Part {
  return {
    leads: values.map((value) => sql<boolean>`${sql.ref(column)} = ${value}`),
    check: sql<boolean>`+${sql.ref(column)} in ${listed(values)}`,
  };
}

function ofRequest(requestId: string): Part {
  const check = sql<boolean>`request = ${beginningOf(requestId)}`;
  return { leads: [check], check };
}

/** The index has the ends of names only: they begin alike. */
function ofStreams(streams: readonly string[]): Part {
  const { check } = equal('stream', streams);
  return { leads: streams.map((stream) => sql<boolean>`substr(stream, -12) = substr(${stream}, -12) and stream = ${stream}`), check };
}

/** The index has the types of each client apart. */
function by(client: string, ofTypes: Part): Part {
  const isClient = sql<boolean>`client = ${client}`;
  return {
    leads: ofTypes.leads.map((isType) => sql<boolean>`${isClient} and ${isType}`),
    check: sql<boolean>`+client = ${client} and ${ofTypes.check}`,
  };
}

/** Sessions are found by the facts that name their owner; other streams are of many. */
function ownedBy(owner: string): Part {
  const sessions = sql`(select stream from audit where owner = ${owner} and stream >= 'session-' and stream < 'session.')`;
  return {
    leads: [
      sql<boolean>`position in (
        select found.position from ${sessions} as owned cross join audit as found
        on substr(found.stream, -12) = substr(owned.stream, -12) and found.stream = owned.stream
      )`,
      sql<boolean>`owner = ${owner}`,
    ],
    check: sql<boolean>`(+owner = ${owner} or +stream in ${sessions})`,
  };
}

function timeChecks({ from, to }: AuditFilter): readonly Condition[] {
  return [...(from === undefined ? [] : [sql<boolean>`time >= ${from}`]), ...(to === undefined ? [] : [sql<boolean>`time < ${to}`])];
}

/**
 * Between which positions the times are: facts come in the order of time, but for clocks that were set, and the table of hours knows all of those. One
 * bound at each end, because SQLite begins at one only.
 */
async function windowOf(reader: Reader, { from, to }: AuditFilter, after: number): Promise<readonly Condition[]> {
  const hours = reader.selectFrom('audit_hours');
  let first = after + 1;
  if (from !== undefined) {
    const query = hours.select((eb) => eb.fn.min('first_position').as('at')).where('hour', '>=', hourOf(from));
    first = Math.max(first, (await query.executeTakeFirst())?.at ?? Number.MAX_SAFE_INTEGER);
  }
  if (to === undefined) return [sql<boolean>`position >= ${first}`];
  const query = hours.select((eb) => eb.fn.max('last_position').as('at')).where('hour', '<=', hourOf(to));
  return [sql<boolean>`position >= ${first}`, sql<boolean>`position <= ${(await query.executeTakeFirst())?.at ?? 0}`];
}

/** The types there are that the filter may mean. Each is looked up behind the one before, so the many facts are not read. */
async function typesOf(reader: Reader, { type = '', client }: AuditFilter): Promise<readonly string[]> {
  if (type === '' && client === undefined) return [];
  if (type !== '' && !type.endsWith('.')) return [type];
  const end = type === '' ? BEYOND_TYPES : `${type.slice(0, -1)}/`;
  const found = sql<{ readonly type: string }>`(
    with recursive found (type) as (
      select (select min(type) from audit where type >= ${type})
      union all
      select (select min(type) from audit where type > found.type) from found where found.type < ${end}
    )
    select type from found where type < ${end}
  )`;
  const rows = await reader.selectFrom(found.as('types')).select('type').execute();
  return rows.map((row) => row.type);
}

const BEYOND_TYPES = '\u{10ffff}';

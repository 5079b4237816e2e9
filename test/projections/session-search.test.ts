/** Finding sessions: every filter against a plain model of the same facts, page by page while things change, and along an index. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import { openConnection } from '../../adapters/sqlite/connection.ts';
import type { Statement } from '../../domain/facts.ts';
import { type StreamName, serverId, streamName } from '../../domain/ids.ts';
import type { SessionEvent } from '../../domain/session/events.ts';
import type { Reader } from '../../projections/database.ts';
import { createSessionQueries } from '../../projections/session-queries.ts';
import type { SessionSelection } from '../../projections/session-search.ts';
import type { SessionState } from '../../projections/views.ts';
import { factOf, openReadModel, type ReadModel } from '../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../helpers/samples.ts';
import { SEED } from '../helpers/seed.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);
const STATES: readonly SessionState[] = ['CREATING', 'READY', 'DELETING', 'DELETED', 'UNKNOWN'];
const OWNERS = ['ann', 'bob'];
const NAMES = ['desk', 'console'];
const SERVERS = ['srv-0', 'srv-1', 'srv-2'];
const COLOURS = ['red', 'blue'];

interface Seen {
  readonly id: string;
  /** In the order of pages. A session that is adopted begins anew. */
  place: number;
  owner: string;
  name: string;
  /** `hidden`: refused, or deleted long ago. */
  state: Exclude<SessionState, 'UNKNOWN'> | 'hidden';
  server: string | undefined;
}

interface Host {
  isReachable: boolean;
  colour: string;
}

/** What is to happen next: to the session, or on the server, with this number, counted round. */
interface Step {
  readonly kind: 'create' | 'refuse' | 'place' | 'start' | 'delete' | 'end' | 'end long ago' | 'adopt' | 'lose' | 'find' | 'paint';
  readonly number: number;
  readonly choice: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>(
    ...(['create', 'create', 'create', 'refuse', 'place', 'place', 'start', 'start', 'delete', 'end', 'end long ago', 'adopt'] as const),
    ...(['lose', 'find', 'paint'] as const),
  ),
  number: fc.nat(40),
  choice: fc.nat(5),
});

/** Most are not asked for most of the time, or nothing would be left. */
const seldom = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const some = <Value>(values: readonly Value[]) => seldom(fc.subarray([...values], { minLength: 1 }));

const selection: fc.Arbitrary<Omit<SessionSelection, 'after'>> = fc.record({
  owners: some(OWNERS),
  names: some(NAMES),
  states: some(STATES),
  servers: some(SERVERS),
  tags: some(COLOURS).map((values) => (values === undefined ? undefined : [{ key: 'colour', values }])),
  ids: seldom(fc.constant(Array.from({ length: 30 }, (_, number) => `s${number}`))),
  limit: fc.integer({ min: 1, max: 6 }),
});

interface Change {
  /** Whether the machine of a session would take the fact. */
  readonly may: (session: Seen) => boolean;
  readonly to: (choice: number) => Partial<Seen>;
  /** After the change. */
  readonly fact: (session: Seen) => SessionEvent;
}

const at = <Value>(values: readonly Value[], number: number) => values[number % values.length] as Value;
const among =
  (...states: readonly Seen['state'][]) =>
  ({ state }: Seen) =>
    states.includes(state);
const isPlacing = ({ state, server }: Seen) => state === 'CREATING' && server === undefined;
const deleted = (): SessionEvent => ({ type: 'session.deleted', data: { reason: 'Closed.' } });

const CHANGES: Readonly<Record<string, Change>> = {
  refuse: {
    may: isPlacing,
    to: () => ({ state: 'hidden' }),
    fact: () => ({ type: 'session.refused', data: { ...wish(), reason: 'Nobody.' } }),
  },
  place: {
    may: isPlacing,
    to: (choice) => ({ server: at(SERVERS, choice) }),
    fact: ({ server = '' }) => ({ type: 'session.placed', data: { serverId: serverId(server), attempt: 1, choice: null } }),
  },
  start: {
    may: ({ state, server }) => state === 'CREATING' && server !== undefined,
    to: () => ({ state: 'READY' }),
    fact: () => ({ type: 'session.started', data: { attempt: 1 } }),
  },
  delete: {
    may: among('CREATING', 'READY'),
    to: () => ({ state: 'DELETING' }),
    fact: () => ({ type: 'session.deletion-requested', data: { force: false } }),
  },
  end: { may: among('READY', 'DELETING'), to: () => ({ state: 'DELETED' }), fact: deleted },
  'end long ago': { may: among('READY', 'DELETING'), to: () => ({ state: 'hidden' }), fact: deleted },
  adopt: {
    may: among('DELETED'),
    to: (choice) => ({ state: 'READY', server: at(SERVERS, choice), owner: at(OWNERS, choice), name: at(NAMES, choice >> 1) }),
    fact: ({ id, name, owner, server = '' }) => ({
      type: 'session.adopted',
      data: { name, owner, sessionType: 'CONSOLE', serverId: serverId(server), localId: id, creationTime: NOW, connections: 0 },
    }),
  },
};

/** The facts of each step, and what they ought to mean. */
function createWorld({ log, projector }: ReadModel) {
  const sessions: Seen[] = [];
  let places = 0;
  const hosts = new Map<string, Host>(SERVERS.map((id) => [id, { isReachable: true, colour: 'red' }]));

  async function tell(stream: StreamName, time: number, ...statements: readonly Statement[]): Promise<void> {
    const revision = (await log.readStream(stream, 0, 10_000)).length - 1;
    const facts = statements.map((statement) => factOf(statement, time));
    await log.append(stream, revision, facts);
  }

  const tellServer = (id: string, ...statements: readonly Statement[]) => tell(streamName('server', id), NOW, ...statements);
  const painted = (colour: string) => ({ type: 'server.described', data: description({ tags: [{ key: 'colour', value: colour }] }) });

  async function create(choice: number): Promise<void> {
    const id = `s${sessions.length}`;
    const [owner, name] = [at(OWNERS, choice), at(NAMES, choice >> 1)];
    places += 1;
    sessions.push({ id, place: places, owner, name, state: 'CREATING', server: undefined });
    await tell(streamName('session', id), NOW, { type: 'session.requested', data: wish({ owner, name }) });
  }

  async function change(session: Seen, kind: Step['kind'], choice: number): Promise<void> {
    const { may, to, fact } = CHANGES[kind] as Change;
    if (!may(session)) return;
    Object.assign(session, to(choice));
    if (kind === 'adopt') {
      places += 1;
      session.place = places;
    }
    await tell(streamName('session', session.id), kind === 'end long ago' ? NOW - 2 * HOUR : NOW, fact(session));
  }

  async function happen({ kind, number, choice }: Step): Promise<void> {
    const place = at(SERVERS, number);
    const host = hosts.get(place) as Host;
    if (kind === 'create') {
      await create(choice);
    } else if (kind === 'lose') {
      host.isReachable = false;
      await tellServer(place, { type: 'server.became-unreachable', data: { reason: 'Silent.' } });
    } else if (kind === 'find') {
      host.isReachable = true;
      await tellServer(place, { type: 'server.became-reachable', data: { broker: null } });
    } else if (kind === 'paint') {
      host.colour = at(COLOURS, choice);
      await tellServer(place, painted(host.colour));
    } else if (sessions.length > 0) {
      await change(at(sessions, number), kind, choice);
    }
  }

  async function begin(steps: readonly Step[]): Promise<void> {
    for (const id of SERVERS) {
      await tellServer(id, { type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: null } }, painted('red'));
    }
    for (const one of steps) await happen(one);
  }

  /** Resolves when all of it can be read. */
  const settled = async () => projector.reached(await log.head(), 10_000);

  function stateOf({ state, server }: Seen): SessionState | 'hidden' {
    const isInSight = server === undefined || hosts.get(server)?.isReachable;
    return state === 'hidden' || state === 'DELETED' || isInSight ? state : 'UNKNOWN';
  }

  function matching({ ids, owners, names, states, servers, tags }: Omit<SessionSelection, 'limit'>): readonly Seen[] {
    const matches = (session: Seen) =>
      session.state !== 'hidden' &&
      (ids?.includes(session.id) ?? true) &&
      (owners?.includes(session.owner) ?? true) &&
      (names?.includes(session.name) ?? true) &&
      (states?.includes(stateOf(session) as SessionState) ?? true) &&
      (servers?.includes(session.server ?? '') ?? true) &&
      (tags ?? []).every(({ values }) => values.includes(hosts.get(session.server ?? '')?.colour ?? ''));
    return sessions.filter(matches).sort((one, other) => one.place - other.place);
  }

  return { begin, happen, settled, matching };
}

t.test('pages hold what matches, and show a session that matches all the time once, whatever comes and goes', async (t) => {
  let [walked, remained] = [0, 0];
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 30, maxLength: 100, size: 'max' }),
    selection,
    fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }),
    async (before, wanted, between) => {
      const model = await openReadModel(t);
      const world = createWorld(model);
      const creations = Array.from({ length: 12 }, (_, choice) => ({ kind: 'create', number: 0, choice }) as const);
      await world.begin([...creations, ...before]);
      const queries = createSessionQueries(model.database.reader, { deletedVisibleMs: HOUR });
      const seen: string[] = [];
      const idsOf = (sessions: readonly Seen[]) => sessions.map(({ id, place }) => `${id} ${place}`);
      let stable = new Set(idsOf(world.matching(wanted)));
      let last = 0;
      for (let page = 0, after: number | undefined; ; page += 1) {
        await world.settled();
        const { items, next } = await queries.describe({ ...wanted, after }, NOW);
        const expected = world.matching(wanted).filter(({ place }) => place > last);
        const shown = expected.slice(0, wanted.limit);
        deepStrictEqual(
          items.map(({ view }) => view.id),
          shown.map(({ id }) => id),
          'the page holds what matches now, in order',
        );
        deepStrictEqual(next !== undefined, expected.length > wanted.limit, 'there is another page if there is more');
        seen.push(...idsOf(shown));
        if (next === undefined) break;
        after = next;
        last = shown.at(-1)?.place ?? 0;
        for (const one of between[page] ?? []) {
          await world.happen(one);
          stable = new Set(idsOf(world.matching(wanted)).filter((id) => stable.has(id)));
        }
      }
      deepStrictEqual(new Set(seen).size, seen.length, 'none twice');
      const skipped = [...stable].filter((id) => !seen.includes(id));
      deepStrictEqual(skipped, [], 'none is skipped');
      remained += stable.size;
      walked += seen.length;
      await model.close();
    },
  );
  await t.resolves(fc.assert(property, { numRuns: 60, seed: SEED }));
  t.ok(walked > 100 && remained > 100, `${walked} sessions seen, ${remained} of them unchanged`);
});

t.test('no state at all is no session at all', async (t) => {
  const model = await openReadModel(t);
  const queries = createSessionQueries(model.database.reader, { deletedVisibleMs: HOUR });
  await model.record(streamName('session', 's1'), NOW, { type: 'session.requested', data: wish() });
  t.strictSame(await queries.describe({ states: [], limit: 10 }, NOW), { items: [] });
  t.match(await queries.describe({ states: ['CREATING', 'CREATING'], limit: 10 }, NOW), { items: [{ view: { id: 's1' } }] });
});

t.test('every filter is answered along an index, and in the order of positions where it can be', async (t) => {
  const model = await openReadModel(t);
  const connection = await openConnection(model.file, { readonly: true });
  t.teardown(() => connection.close());

  /** How SQLite finds the positions of a page. */
  async function plan(wanted: Omit<SessionSelection, 'limit'>): Promise<readonly string[]> {
    const { reader } = model.database;
    const asked: { sql: string; parameters: readonly unknown[] }[] = [];
    const listening: Reader = {
      selectFrom: reader.selectFrom.bind(reader) as Reader['selectFrom'],
      executeQuery(query) {
        asked.push(query as never);
        return reader.executeQuery(query);
      },
    };
    await createSessionQueries(listening, { deletedVisibleMs: HOUR }).describe({ ...wanted, limit: 100, after: 5 }, NOW);
    const [query] = asked;
    const rows = await connection.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${query?.sql}`, query?.parameters as never);
    return rows.map(({ detail }) => detail);
  }

  const living = 'deleted_time=? AND rowid>?';
  for (const [wanted, ...searches] of [
    [{}, `sessions_by_deletion (${living})`, 'sessions_by_deletion (deleted_time>?)'],
    [{ owners: ['ann'] }, `sessions_by_owner (owner=? AND ${living})`, 'sessions_by_owner (owner=? AND deleted_time>?)'],
    [{ owners: ['ann', 'bob'] }, 'sessions_by_owner (owner=? AND deleted_time=?)', 'sessions_by_owner (owner=? AND deleted_time>?)'],
    [{ names: ['desk'] }, `sessions_by_name (name=? AND ${living})`, 'sessions_by_name (name=? AND deleted_time>?)'],
    [{ servers: ['a'] }, `sessions_by_server (server_id=? AND ${living})`, 'sessions_by_server (server_id=? AND deleted_time>?)'],
    [{ states: ['READY'] }, 'sessions_by_state (state=? AND rowid>?)', 'servers_unreachable'],
    [{ states: ['DELETED'] }, 'sessions_by_deletion (deleted_time>?)'],
    [{ states: ['UNKNOWN'] }, 'sessions_by_server (server_id=? AND deleted_time=?)', 'servers_unreachable'],
    [{ states: ['READY'], owners: ['ann'] }, `sessions_by_owner (owner=? AND ${living})`],
    [{ states: ['READY'], servers: ['a'] }, `sessions_by_server (server_id=? AND ${living})`],
    [{ states: ['READY'], servers: ['a', 'b'] }, 'sessions_by_server (server_id=? AND deleted_time=?)'],
    [
      { tags: [{ key: 'colour', values: ['red', 'blue'] }] },
      `sessions_by_deletion (${living})`,
      'server_tags_by_value (key=? AND value=?)',
    ],
    [{ ids: ['s1', 's2'], tags: [{ key: 'colour', values: ['red'] }] }, '(id=?)', 'server_tags_by_value (key=? AND value=?)'],
  ] as const satisfies readonly (readonly [Omit<SessionSelection, 'limit'>, ...string[]])[]) {
    const steps = await plan(wanted);
    for (const search of searches)
      t.ok(
        steps.some((detail) => detail.includes(search)),
        `${JSON.stringify(wanted)}: ${search}`,
      );
    t.same(
      steps.filter((detail) => /^SCAN (sessions|servers|server_tags)(?! USING COVERING INDEX)/.test(detail)),
      [],
      'no table is walked',
    );
  }
});

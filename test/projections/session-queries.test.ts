import t from 'tap';
import { serverId, streamName } from '../../domain/ids.ts';
import type { ServerEvent } from '../../domain/server/events.ts';
import type { SessionEvent } from '../../domain/session/events.ts';
import { createSessionQueries } from '../../projections/session-queries.ts';
import type { SessionSelection } from '../../projections/session-search.ts';
import { openReadModel, type ReadModel } from '../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../helpers/samples.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);
const SERVER = serverId('srv-1');

const REQUESTED: SessionEvent = { type: 'session.requested', data: wish() };
const PLACED: SessionEvent = { type: 'session.placed', data: { serverId: SERVER, attempt: 1, choice: null } };
const STARTED: SessionEvent = { type: 'session.started', data: { attempt: 1 } };
const DELETED: SessionEvent = { type: 'session.deleted', data: { reason: 'Closed by its user.' } };

const DELETED_BY_FORCE: SessionEvent = { type: 'session.deletion-requested', data: { force: true } };

const session = (id: string) => streamName('session', id);
const server = (id: string) => streamName('server', id);
const registered = (tags = description().tags): ServerEvent[] => [
  { type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: null } },
  { type: 'server.described', data: description({ tags }) },
];

const queriesOf = ({ database }: ReadModel) => createSessionQueries(database.reader, { deletedVisibleMs: HOUR });

t.test('a session is described as its facts tell', async (t) => {
  const model = await openReadModel(t);
  const queries = queriesOf(model);
  const view = async (now = NOW) => (await queries.describe({ ids: ['s1'], limit: 10 }, now)).items[0];
  await model.record(server('srv-1'), NOW, ...registered());

  await model.record(session('s1'), NOW, { type: 'session.requested', data: wish({ storageRoot: '/home', maxConcurrentClients: 2 }) });
  t.strictSame(await view(), {
    view: {
      id: 's1',
      name: 'desk',
      owner: 'ann',
      sessionType: 'VIRTUAL',
      state: 'CREATING',
      substate: 'SESSION_PLACING',
      stateReason: undefined,
      maxConcurrentClients: 2,
      storageRoot: '/home',
      creationTime: NOW,
      lastDisconnectionTime: undefined,
      connections: 0,
    },
    serverId: undefined,
    localId: 's1',
    attempt: 0,
  });

  await model.record(session('s1'), NOW + 1, PLACED);
  t.match(await view(), { view: { state: 'CREATING', substate: 'PENDING_PREPARATION' }, serverId: 'srv-1', attempt: 1 });

  await model.record(session('s1'), NOW + 2, { type: 'session.failed', data: { attempt: 1, reason: 'No display.', retrying: true } });
  t.match(await view(), { view: { state: 'CREATING', substate: 'SESSION_PLACING', stateReason: 'No display.' }, serverId: undefined });

  await model.record(session('s1'), NOW + 3, { type: 'session.placed', data: { serverId: SERVER, attempt: 2 } }, STARTED);
  t.match(await view(), { view: { state: 'READY', substate: undefined, stateReason: undefined }, attempt: 2 });

  await model.record(session('s1'), NOW + 4, { type: 'session.connections-changed', data: { count: 1, lastDisconnectionTime: NOW } });
  await model.record(session('s1'), NOW + 5, { type: 'session.connections-changed', data: { count: 2 } });
  t.match(await view(), { view: { connections: 2, lastDisconnectionTime: NOW } }, 'what a fact does not say stays as it was');

  await model.record(session('s1'), NOW + 6, { type: 'session.deletion-requested', data: { force: false } });
  t.match(await view(), { view: { state: 'DELETING' } });

  await model.record(session('s1'), NOW + 7, DELETED);
  t.match(await view(NOW + 8), { view: { state: 'DELETED', stateReason: 'Closed by its user.', connections: 0 } });
  t.match(await view(NOW + 7 + HOUR - 1), { view: { state: 'DELETED' } });
  t.equal(await view(NOW + 7 + HOUR), undefined, 'an hour later it is not described any more');
});

t.test('a session that could not be made is DELETED with the reason', async (t) => {
  const model = await openReadModel(t);
  await model.record(session('s1'), NOW, REQUESTED, PLACED);
  await model.record(session('s1'), NOW, { type: 'session.failed', data: { attempt: 1, reason: 'Not a local user.', retrying: false } });
  const page = await queriesOf(model).describe({ limit: 10 }, NOW);
  t.match(page.items, [{ view: { state: 'DELETED', stateReason: 'Not a local user.' }, serverId: 'srv-1' }]);
});

t.test('a refused session is not described, whether it waited or not', async (t) => {
  const model = await openReadModel(t);
  const refused: SessionEvent = { type: 'session.refused', data: { ...wish(), reason: 'No server.' } };
  await model.record(session('at-once'), NOW, refused);
  await model.record(session('waited'), NOW, REQUESTED);
  await model.record(session('waited'), NOW, refused);
  t.strictSame(await queriesOf(model).describe({ limit: 10 }, NOW), { items: [] });
});

t.test('an adopted session is new, also where it was there before', async (t) => {
  const model = await openReadModel(t);
  const queries = queriesOf(model);
  const spec = { name: 'console', owner: 'bob', sessionType: 'CONSOLE' } as const;
  const adopted: SessionEvent = {
    type: 'session.adopted',
    data: { ...spec, serverId: SERVER, localId: 'console', creationTime: NOW - HOUR, connections: 1 },
  };
  await model.record(server('srv-1'), NOW, ...registered());
  await model.record(session('back'), NOW, REQUESTED, PLACED, STARTED, DELETED);
  await model.record(session('found'), NOW, adopted);
  await model.record(session('back'), NOW, { ...adopted, data: { ...adopted.data, attempt: 1 } });
  const { items } = await queries.describe({ limit: 10 }, NOW);
  t.match(items, [
    { view: { id: 'found', creationTime: NOW - HOUR, connections: 1 }, serverId: 'srv-1', localId: 'console', attempt: 0 },
    { view: { id: 'back', name: 'console', state: 'READY', stateReason: undefined }, localId: 'console', attempt: 1 },
  ]);
});

t.test('a session reads UNKNOWN while its server cannot be reached, unless it is gone or nowhere yet', async (t) => {
  const model = await openReadModel(t);
  const states = async () => (await queriesOf(model).describe({ limit: 10 }, NOW)).items.map(({ view }) => [view.state, view.substate]);
  await model.record(server('srv-1'), NOW, ...registered());
  await model.record(session('s1'), NOW, REQUESTED);
  await model.record(session('s2'), NOW, REQUESTED, PLACED);
  await model.record(session('s3'), NOW, REQUESTED, PLACED, STARTED);
  await model.record(session('s4'), NOW, REQUESTED, PLACED, STARTED, DELETED);
  await model.record(server('srv-1'), NOW, { type: 'server.became-unreachable', data: { reason: 'Silent.' } });
  const unknown = ['UNKNOWN', undefined];
  t.strictSame(await states(), [['CREATING', 'SESSION_PLACING'], unknown, unknown, ['DELETED', undefined]]);
  await model.record(server('srv-1'), NOW, { type: 'server.became-reachable', data: { broker: null } });
  t.match(await states(), [['CREATING'], ['CREATING', 'PENDING_PREPARATION'], ['READY'], ['DELETED']]);
});

t.test('owners, tags and ids narrow the answer, and all of them have to be met', async (t) => {
  const model = await openReadModel(t);
  const queries = queriesOf(model);
  const [red, gpu] = [
    { key: 'colour', value: 'red' },
    { key: 'gpu', value: 'yes' },
  ];
  const [isRed, hasGpu] = [
    { key: 'colour', values: ['red'] },
    { key: 'gpu', values: ['no', 'yes'] },
  ];
  await model.record(server('srv-1'), NOW, ...registered([red, gpu]));
  await model.record(server('srv-2'), NOW, ...registered([red]));
  const place = (id: string, where: string, owner: string) =>
    model.record(
      session(id),
      NOW,
      { type: 'session.requested', data: wish({ owner }) },
      { type: 'session.placed', data: { serverId: where, attempt: 1 } },
    );
  await place('s1', 'srv-1', 'ann');
  await place('s2', 'srv-2', 'ann');
  await place('s3', 'srv-1', 'bob');
  await model.record(session('s4'), NOW, REQUESTED);
  const idsOf = async (selection: Omit<SessionSelection, 'limit'>) =>
    (await queries.describe({ limit: 10, ...selection }, NOW)).items.map(({ view }) => view.id);

  t.strictSame(await idsOf({}), ['s1', 's2', 's3', 's4']);
  t.strictSame(await idsOf({ owners: ['ann'] }), ['s1', 's2', 's4']);
  t.strictSame(await idsOf({ owners: ['ann', 'bob'] }), ['s1', 's2', 's3', 's4']);
  t.strictSame(await idsOf({ owners: [] }), []);
  t.strictSame(await idsOf({ tags: [isRed] }), ['s1', 's2', 's3']);
  t.strictSame(await idsOf({ tags: [isRed, hasGpu] }), ['s1', 's3']);
  t.strictSame(await idsOf({ tags: [isRed, hasGpu], owners: ['ann'] }), ['s1']);
  t.strictSame(await idsOf({ ids: ['s3', 's1', 's3', 'nobody'] }), ['s1', 's3'], 'once each, in the order of their age');
  t.strictSame(await idsOf({ ids: ['s3', 's1'], owners: ['bob'] }), ['s3']);
  t.strictSame(await idsOf({ ids: ['s3', 's2'], tags: [hasGpu] }), ['s3']);
  t.strictSame(await idsOf({ ids: [], tags: [] }), []);

  await model.record(server('srv-1'), NOW, { type: 'server.described', data: description({ tags: [gpu] }) });
  t.strictSame(await idsOf({ tags: [isRed] }), ['s2'], 'a tag that a server has lost does not find its sessions');
});

t.test('pages neither skip nor repeat a session, while others come and go', async (t) => {
  const model = await openReadModel(t);
  const queries = queriesOf(model);
  for (let number = 0; number < 20; number += 1) await model.record(session(`s${number}`), NOW, REQUESTED);
  for (const number of [3, 4, 11]) await model.record(session(`s${number}`), NOW - 2 * HOUR, DELETED_BY_FORCE, DELETED);
  await model.record(session('s7'), NOW, DELETED_BY_FORCE, DELETED);
  const stable = Array.from({ length: 20 }, (_, number) => `s${number}`).filter((id) => !['s3', 's4', 's11', 's0', 's15'].includes(id));

  for (const ids of [undefined, Array.from({ length: 20 }, (_, number) => `s${number}`)]) {
    const seen: string[] = [];
    let after: number | undefined;
    let pages = 0;
    do {
      const { items, next } = await queries.describe({ ids, limit: 4, after }, NOW);
      t.ok(items.length <= 4);
      seen.push(...items.map(({ view }) => view.id));
      after = next;
      pages += 1;
      if (pages === 2 && ids === undefined) {
        await model.record(session('s0'), NOW - 2 * HOUR, DELETED_BY_FORCE, DELETED);
        await model.record(session('s15'), NOW - 2 * HOUR, DELETED_BY_FORCE, DELETED);
      }
    } while (after !== undefined);
    t.strictSame(
      seen.filter((id) => stable.includes(id)),
      stable,
    );
    t.equal(new Set(seen).size, seen.length);
  }
  const exact = await queries.describe({ limit: 14, after: 0 }, NOW);
  t.strictSame([exact.items.length, (await queries.describe({ limit: 15 }, NOW)).next], [14, undefined], 'a full last page has no next');
});

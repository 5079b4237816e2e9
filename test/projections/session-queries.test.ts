import t from 'tap';
import { serverId, streamName } from '../../domain/ids.ts';
import type { ServerEvent } from '../../domain/server/events.ts';
import type { SessionEvent } from '../../domain/session/events.ts';
import { createSessionQueries } from '../../projections/session-queries.ts';
import { openReadModel, type ReadModel } from '../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../helpers/samples.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);
const SERVER = serverId('srv-1');

const REQUESTED: SessionEvent = { type: 'session.requested', data: wish() };
const PLACED: SessionEvent = { type: 'session.placed', data: { serverId: SERVER, attempt: 1 } };
const STARTED: SessionEvent = { type: 'session.started', data: { attempt: 1 } };
const DELETED: SessionEvent = { type: 'session.deleted', data: { reason: 'Closed by its user.' } };

const session = (id: string) => streamName('session', id);
const server = (id: string) => streamName('server', id);
const registered = (tags = description().tags): ServerEvent[] => [
  { type: 'server.registered', data: { agentClientId: AGENT_CLIENT } },
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

t.test('an adopted session appears, or comes back to its old place', async (t) => {
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
  await model.record(session('back'), NOW, adopted);
  const { items } = await queries.describe({ limit: 10 }, NOW);
  t.match(items, [
    { view: { id: 'back', name: 'console', state: 'READY', stateReason: undefined }, localId: 'console', attempt: 1 },
    { view: { id: 'found', creationTime: NOW - HOUR, connections: 1 }, serverId: 'srv-1', localId: 'console', attempt: 0 },
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
  await model.record(server('srv-1'), NOW, { type: 'server.became-reachable', data: {} });
  t.match(await states(), [['CREATING'], ['CREATING', 'PENDING_PREPARATION'], ['READY'], ['DELETED']]);
});

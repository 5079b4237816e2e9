import t from 'tap';
import { serverId, streamName } from '../../domain/ids.ts';
import { createWorkQueries, type PendingSession } from '../../projections/work-queries.ts';
import { factOf, openReadModel } from '../helpers/read-model.ts';
import { wish } from '../helpers/samples.ts';

const session = (id: string) => streamName('session', id);
const requested = (changes: Parameters<typeof wish>[0] = {}) => ({ type: 'session.requested', data: wish(changes) });
const placed = (attempt = 1) => ({ type: 'session.placed', data: { serverId: serverId('srv-1'), attempt } });
const STARTED = { type: 'session.started', data: { attempt: 1 } };
const DELETING = { type: 'session.deletion-requested', data: { force: false } };
const DELETED = { type: 'session.deleted', data: { reason: 'Closed.' } };

t.test('after a restart everything is known that an unfinished session needs', async (t) => {
  const model = await openReadModel(t);
  const spec = wish({ initFile: 'start.sh', autorunFileArguments: ['a', 'b'], permissionsFile: 'YQ==', requirements: "tag:a = 'b'" });
  await model.record(session('waits'), 1, { type: 'session.requested', data: spec });
  await model.record(session('ready'), 2, requested(), placed(), STARTED);
  await model.record(session('placed'), 3, requested(), placed());
  await model.record(session('deleting'), 4, requested(), placed(), STARTED, DELETING);
  await model.record(session('deleted'), 5, requested(), placed(), STARTED, DELETING, DELETED);
  await model.record(session('waits'), 6, { type: 'session.permissions-updated', data: { permissionsFile: 'Yg==' } });
  const all: PendingSession[] = [];
  for await (const page of createWorkQueries(model.database.reader).pending()) all.push(...page);

  t.match(
    all.map(({ id, state, stateTime, serverId, attempt }) => [id, state, stateTime, serverId, attempt]),
    [
      ['waits', 'CREATING', 1, undefined, 0],
      ['placed', 'CREATING', 3, 'srv-1', 1],
      ['deleting', 'DELETING', 4, 'srv-1', 1],
    ],
  );
  const { requirements, enqueue, retry, ...wanted } = spec;
  t.strictSame(all[0]?.spec, { ...wanted, permissionsFile: 'Yg==' });
  t.strictSame(all[0]?.wish, { requirements, enqueue, retry });
  t.strictSame([all[0]?.localId, all[1]?.spec.permissionsFile], ['waits', undefined]);
});

t.test('unfinished sessions come in pages, all of them', async (t) => {
  const model = await openReadModel(t);
  for (let number = 0; number < 520; number += 1) await model.log.append(session(`s${number}`), -1, [factOf(requested(), number)]);
  await model.projector.reached(await model.log.head(), 10_000);
  const sizes: number[] = [];
  for await (const page of createWorkQueries(model.database.reader).pending()) sizes.push(page.length);
  t.strictSame(sizes, [500, 20]);
});

t.test('what a server should hold is what was placed there and is not gone', async (t) => {
  const model = await openReadModel(t);
  const found = { name: 'x', owner: 'ann', sessionType: 'CONSOLE', serverId: 'srv-1', localId: 'console', creationTime: 1, connections: 2 };
  await model.record(session('placed'), 1, requested({ permissionsFile: 'YQ==' }), placed());
  await model.record(session('ready'), 1, requested(), placed(), STARTED);
  await model.record(session('ready'), 1, { type: 'session.connections-changed', data: { count: 1, lastDisconnectionTime: 9 } });
  await model.record(session('gone'), 1, requested(), placed(), STARTED, DELETED);
  await model.record(session('retrying'), 1, requested(), placed(), {
    type: 'session.failed',
    data: { attempt: 1, reason: 'No.', retrying: true },
  });
  await model.record(session('found'), 1, { type: 'session.adopted', data: found });
  const work = createWorkQueries(model.database.reader);
  const nothing = { lastDisconnectionTime: undefined, permissionsFile: undefined };
  t.strictSame(await work.onServer('srv-1'), [
    {
      id: 'placed',
      state: 'CREATING',
      attempt: 1,
      localId: 'placed',
      creationTime: 1,
      connections: 0,
      ...nothing,
      permissionsFile: 'YQ==',
    },
    { id: 'ready', state: 'READY', attempt: 1, localId: 'ready', creationTime: 1, connections: 1, ...nothing, lastDisconnectionTime: 9 },
    { id: 'found', state: 'READY', attempt: 0, localId: 'console', creationTime: 1, connections: 2, ...nothing },
  ]);
  t.strictSame(await work.onServer('srv-2'), []);
});

t.test('a slot whose session is over, unknown or elsewhere is stray', async (t) => {
  const model = await openReadModel(t);
  const server = streamName('server', 'srv-1');
  const slot = (id: string) => ({
    type: 'server.slot-reserved',
    data: { sessionId: id, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 },
  });
  await model.record(server, 1, { type: 'server.registered', data: { agentClientId: 'a', broker: null } });
  await model.record(server, 1, ...['kept', 'over', 'elsewhere', 'unknown'].map(slot));
  await model.record(session('kept'), 1, requested(), placed());
  await model.record(session('over'), 1, requested(), placed(), STARTED, DELETED);
  await model.record(session('elsewhere'), 1, requested(), { type: 'session.placed', data: { serverId: 'srv-2', attempt: 1 } });
  t.strictSame(await createWorkQueries(model.database.reader).straySlots(), [
    { serverId: 'srv-1', sessionId: 'elsewhere' },
    { serverId: 'srv-1', sessionId: 'over' },
    { serverId: 'srv-1', sessionId: 'unknown' },
  ]);
});

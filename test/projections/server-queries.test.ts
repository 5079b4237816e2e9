import t from 'tap';
import { streamName } from '../../domain/ids.ts';
import type { FleetRow } from '../../domain/placement/fleet.ts';
import { createServerQueries } from '../../projections/server-queries.ts';
import { openReadModel } from '../helpers/read-model.ts';
import { description } from '../helpers/samples.ts';

const server = (id: string) => streamName('server', id);
const REGISTERED = { type: 'server.registered', data: { agentClientId: 'a', broker: null } };
const DESCRIBED = { type: 'server.described', data: description({ maxVirtualSessions: 2 }) };
const CLOSED = { type: 'server.closed', data: { force: false } };
const slot = (sessionId: string, sessionType = 'VIRTUAL') => ({
  type: 'server.slot-reserved',
  data: { sessionId, sessionType, owner: 'ann', attempt: 1 },
});

t.test('a server is described with its slots and the one reason that keeps it from taking more', async (t) => {
  const model = await openReadModel(t);
  const queries = createServerQueries(model.database.reader);
  const view = async () => (await queries.describe({ ids: ['a'], limit: 10 })).items[0];
  await model.record(server('a'), 1, REGISTERED);
  t.equal(await view(), undefined, 'nobody is told of a server that has said nothing of itself');

  await model.record(server('a'), 1, DESCRIBED);
  t.strictSame(await view(), {
    id: 'a',
    description: DESCRIBED.data,
    loggedInUsers: [],
    unavailabilityReason: undefined,
    consoleSessions: 0,
    virtualSessions: 0,
  });

  const steps = [
    [{ type: 'server.logged-in-users-changed', data: { users: ['ann', 'bob'] } }, { loggedInUsers: ['ann', 'bob'] }],
    [slot('s1'), { virtualSessions: 1, unavailabilityReason: undefined }],
    [slot('s2'), { virtualSessions: 2, unavailabilityReason: 'SERVER_FULL' }],
    [{ type: 'server.health-changed', data: { healthy: false, reason: 'No.' } }, { unavailabilityReason: 'UNHEALTHY_DCV_SERVER' }],
    [{ type: 'server.became-unreachable', data: { reason: 'Silent.' } }, { unavailabilityReason: 'UNREACHABLE_AGENT' }],
    [CLOSED, { unavailabilityReason: 'SERVER_CLOSED' }],
    [{ type: 'server.opened', data: {} }, { unavailabilityReason: 'UNREACHABLE_AGENT' }],
    [{ type: 'server.became-reachable', data: { broker: null } }, { unavailabilityReason: 'UNHEALTHY_DCV_SERVER' }],
    [{ type: 'server.health-changed', data: { healthy: true } }, { unavailabilityReason: 'SERVER_FULL' }],
    [
      { type: 'server.slot-released', data: { sessionId: 's1' } },
      { virtualSessions: 1, unavailabilityReason: undefined },
    ],
  ] as const;
  for (const [statement, expected] of steps) {
    await model.record(server('a'), 1, statement);
    t.match(await view(), expected, statement.type);
  }
});

t.test('a removed server is hidden, and comes back in its old place, as closed as it was and empty', async (t) => {
  const model = await openReadModel(t);
  const queries = createServerQueries(model.database.reader);
  for (const id of ['a', 'b', 'c']) await model.record(server(id), 1, REGISTERED, DESCRIBED);
  await model.record(server('b'), 1, slot('s1'), CLOSED, { type: 'server.removed', data: { reason: 'Silent for a day.' } });
  const ids = async (after?: number) => (await queries.describe({ limit: 1, after })).items.map(({ id }) => id);
  const first = await queries.describe({ limit: 1 });
  t.strictSame([await ids(), await ids(first.next)], [['a'], ['c']]);
  await model.record(server('b'), 1, REGISTERED);
  t.strictSame(await ids(first.next), ['b']);
  t.match((await queries.describe({ ids: ['b'], limit: 1 })).items, [{ virtualSessions: 0, unavailabilityReason: 'SERVER_CLOSED' }]);
});

const LOST = { type: 'server.became-unreachable', data: { reason: 'Silent.' } } as const;

t.test('the fleet index is filled with every server, and told which are gone', async (t) => {
  const model = await openReadModel(t);
  await model.record(server('a'), 1, REGISTERED, DESCRIBED, slot('s1'), slot('s2', 'CONSOLE'), CLOSED);
  await model.record(server('b'), 1, REGISTERED);
  await model.record(server('c'), 7, REGISTERED, LOST, { type: 'server.removed', data: { reason: 'Gone.' } });
  await model.record(server('d'), 8, REGISTERED, LOST);
  const rows: FleetRow[] = [];
  for await (const page of createServerQueries(model.database.reader).fleet()) rows.push(...page);
  const common = { reachable: true, healthy: true, loggedInUsers: [] };
  t.match(rows, [
    {
      ...common,
      id: 'a',
      revision: 4,
      description: DESCRIBED.data,
      open: false,
      slots: [
        { sessionId: 's1', sessionType: 'VIRTUAL', owner: 'ann' },
        { sessionId: 's2', sessionType: 'CONSOLE', owner: 'ann' },
      ],
    },
    { ...common, id: 'b', revision: 0, description: undefined, open: true, slots: [], removed: undefined },
    { id: 'c', reachable: false, removed: true },
    { id: 'd', reachable: false, removed: undefined },
  ]);
  t.equal(rows.length, 4);
});

/** Hearing agents: reports, greetings, inventories and silence. */
import t from 'tap';
import { createActors } from '../../../domain/actors.ts';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError } from '../../../domain/ports/event-log.ts';
import { longerId, settleInventory } from '../../../domain/processes/inventory.ts';
import { serverKind } from '../../../domain/server/actor.ts';
import { sessionKind } from '../../../domain/session/actor.ts';
import { found, setUpCore } from '../../helpers/core.ts';
import { AGENT_CLIENT, description, ORIGIN } from '../../helpers/samples.ts';
import { createSeededRandom } from '../../helpers/simulated-clock.ts';
import { pause } from '../../helpers/until.ts';

const idOf = (view: unknown) => sessionId((view as { id: string }).id);

async function withSession(t: Parameters<typeof setUpCore>[0]) {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const id = idOf(await broker.create());
  const started = () => broker.report('A', { kind: 'session-started', sessionId: id, attempt: 1 });
  const remove = async (force = false) => {
    const [result] = await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force }], ORIGIN);
    await broker.settle();
    return result;
  };
  const alive = found(id, { attempt: 1 });
  return { broker, id, started, remove, alive };
}

t.test('a session lives from request to deletion, and its slot is free again', async (t) => {
  const { broker, id, started, remove } = await withSession(t);
  await started();
  t.match(await broker.describe(id), { state: 'READY', substate: undefined });
  t.same(await remove(), { done: 'DELETING' });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id, localId: id });
  await broker.report('A', { kind: 'session-ended', sessionId: id, reason: 'Closed on request.' });
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'Closed on request.' });
  t.same(broker.types('session', id), [
    'session.requested',
    'session.placed',
    'session.started',
    'session.deletion-requested',
    'session.deleted',
  ]);
  t.same(broker.types('server', 'A').slice(-2), ['server.slot-reserved', 'server.slot-released']);
});

t.test('connections and permissions of a session are kept, and told to its host', async (t) => {
  const { broker, id, started } = await withSession(t);
  await started();
  const lastDisconnectionTime = broker.clock.now();
  await broker.report('A', { kind: 'connections-changed', sessionId: id, count: 2, lastDisconnectionTime });
  t.match(await broker.describe(id), { connections: 2, lastDisconnectionTime });
  const facts = broker.store.facts.length;
  await broker.report('A', { kind: 'connections-changed', sessionId: id, count: 2 });
  t.equal(broker.store.facts.length, facts, 'the same again is no news');
  await broker.core.application.updateSessionPermissions([{ sessionId: id, owner: 'ann', permissionsFile: 'cGVybQ==' }], ORIGIN);
  await broker.settle();
  t.match(broker.ordersOf('A').at(-1), { kind: 'set-permissions', permissionsFile: 'cGVybQ==' });
});

t.test('permissions that change before the session is made travel with the order for it', async (t) => {
  const broker = await setUpCore(t);
  const id = idOf(await broker.create({ enqueue: true }));
  await broker.core.application.updateSessionPermissions([{ sessionId: id, owner: 'ann', permissionsFile: 'cGVybQ==' }], ORIGIN);
  await broker.greet('A');
  t.match(broker.ordersOf('A'), [{ kind: 'create-session', spec: { permissionsFile: 'cGVybQ==' } }]);
});

t.test('a report that comes twice, or that nobody understands, changes nothing', async (t) => {
  const { broker, id, started } = await withSession(t);
  await started();
  const facts = broker.store.facts.length;
  await started();
  t.ok(await broker.report('A', { kind: 'session-ended', sessionId: sessionId('nobody'), reason: '' }), 'it is acknowledged');
  await broker.report('B', { kind: 'connections-changed', sessionId: id, count: 9 });
  t.equal(broker.store.facts.length, facts);
});

t.test('what changes about a server becomes a fact, and only what changes', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  await broker.greet('A');
  await broker.report('A', { kind: 'health-changed', healthy: false, reason: 'dcvserver not running' });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ unavailabilityReason: 'UNHEALTHY_DCV_SERVER' }] });
  await broker.report('A', { kind: 'health-changed', healthy: true });
  await broker.report('A', { kind: 'logged-in-users-changed', users: ['bob'] });
  await broker.report('A', { kind: 'server-described', description: description({ hostname: 'renamed' }) });
  t.match(await broker.core.application.describeServers({ limit: 9 }), {
    items: [{ description: { hostname: 'renamed' }, loggedInUsers: ['bob'], unavailabilityReason: undefined }],
  });
  t.same(broker.types('server', 'A'), [
    'server.registered',
    'server.described',
    'server.health-changed',
    'server.health-changed',
    'server.logged-in-users-changed',
    'server.described',
  ]);
});

t.test('telemetry is described and leaves no fact', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const facts = broker.store.facts.length;
  broker.core.reception.telemetry(serverId('A'), { memoryUsedBytes: 5, swapUsedBytes: 6, cpuLoadAverage: [1, 2, 3] });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ telemetry: { cpuLoadAverage: [1, 2, 3] } }] });
  t.equal(broker.store.facts.length, facts);
});

t.test('sessions of a server that is lost read UNKNOWN, with one fact on the server, and are READY when it is back', async (t) => {
  const { broker, id, started, alive } = await withSession(t);
  await started();
  broker.core.reception.lost(serverId('A'), 'It is silent.');
  await broker.settle();
  t.match(await broker.describe(id), { state: 'UNKNOWN' });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ unavailabilityReason: 'UNREACHABLE_AGENT' }] });
  t.same(broker.types('session', id).at(-1), 'session.started');
  await broker.greet('A', { sessions: [alive] });
  t.match(await broker.describe(id), { state: 'READY' });
});

t.test('a server that does not come back after a restart is lost; one that does is not', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  await broker.greet('B');
  await broker.restart();
  await broker.greet('B');
  await broker.pass(11_000);
  const page = await broker.core.application.describeServers({ limit: 9 });
  t.same(
    page.items.map(({ id, unavailabilityReason }) => [id, unavailabilityReason]),
    [
      ['A', 'UNREACHABLE_AGENT'],
      ['B', undefined],
    ],
  );
});

t.test('a server whose greeting takes the log long is not called lost behind it, unless the greeting fails', async (t) => {
  for (const end of ['it is taken', 'it fails'] as const) {
    let gate = Promise.resolve();
    const broker = await setUpCore(t, {}, (log) => ({
      ...log,
      append: async (stream, expectedRevision, facts) => {
        if (facts[0]?.type === 'server.described') await gate;
        return log.append(stream, expectedRevision, facts);
      },
    }));
    await broker.greet('A');
    await broker.restart();
    let decide: (end: 'it is taken' | 'it fails') => void = () => undefined;
    gate = new Promise((resolve, reject) => {
      decide = (verdict) => (verdict === 'it is taken' ? resolve() : reject(new LogBusyError('Too much is waiting.')));
    });
    const changed = { ...(await greetingOf(broker)), serverId: serverId('A'), description: description({ hostname: 'changed' }) };
    const greeting = broker.core.reception.greeted(changed, AGENT_CLIENT).catch((error: unknown) => error);
    await broker.clock.advance(11_000);
    decide(end);
    await greeting;
    await broker.settle();
    const expected = end === 'it fails' ? 'UNREACHABLE_AGENT' : undefined;
    const { items } = await broker.core.application.describeServers({ limit: 9 });
    t.same(
      items.map(({ unavailabilityReason }) => unavailabilityReason),
      [expected],
      end,
    );
  }
});

t.test('a server id belongs to the agent that registered it', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const other = await broker.core.reception.greeted(
    { ...(await greetingOf(broker)), serverId: serverId('A') },
    '99999999-9999-4999-8999-999999999999' as Parameters<typeof broker.core.reception.greeted>[1],
  );
  t.match(other, { rejected: 'This server id belongs to another agent.' });
});

async function greetingOf(broker: Awaited<ReturnType<typeof setUpCore>>) {
  const page = await broker.core.application.describeServers({ limit: 1 });
  const telemetry = { memoryUsedBytes: 0, swapUsedBytes: 0, cpuLoadAverage: [0, 0, 0] } as const;
  const told = page.items[0]?.description ?? description();
  return { description: told, telemetry, healthy: true, loggedInUsers: [], sessions: [], inProgress: [] };
}

t.test('an order that got lost is sent again on connection, also after a restart', async (t) => {
  const { broker, id } = await withSession(t);
  await broker.greet('A', { inProgress: [id] });
  t.equal(broker.ordersOf('A').length, 2);
  await broker.restart();
  await broker.greet('A');
  t.match(broker.ordersOf('A').at(-1), { kind: 'create-session', sessionId: id, attempt: 1 });
  t.match(await broker.describe(id), { state: 'CREATING' }, 'not yet made is not gone');
});

t.test('a session found alive whose start was never heard of is READY', async (t) => {
  const { broker, id, alive } = await withSession(t);
  await broker.greet('A', { sessions: [alive] });
  t.match(await broker.describe(id), { state: 'READY' });
});

t.test('a session that vanished while nobody listened is DELETED, and its slot is free', async (t) => {
  const { broker, id, started } = await withSession(t);
  await started();
  await broker.greet('A');
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'The session is no more on its host.' });
  t.equal(broker.types('server', 'A').at(-1), 'server.slot-released');
});

t.test('a slot that another broker has reserved for a session that it is placing is kept when the agent greets', async (t) => {
  const broker = await setUpCore(t, {}, (log) => ({
    ...log,
    append: async (stream, expectedRevision, facts) => {
      if (facts[0]?.type === 'session.placed') await settleElsewhere(log);
      return log.append(stream, expectedRevision, facts);
    },
  }));

  /** The inventory of A, which is empty, as another broker on the log settles it at this moment. */
  async function settleElsewhere(log: EventLog): Promise<void> {
    const ports = { log, clock: broker.clock, random: createSeededRandom(1) };
    const [sessions, servers] = [createActors(sessionKind, ports), createActors(serverKind, ports)];
    const { slots } = (await servers.look('A')).context;
    const held = slots.map((slot) => slot.sessionId);
    t.equal(held.length, 1);
    const greeting = { ...(await greetingOf(broker)), serverId: serverId('A') };
    await settleInventory({ sessions, servers, beliefs: { sessionsOn: async () => [] } }, greeting, held, ORIGIN);
  }

  await broker.greet('A');
  t.match(await broker.create(), { state: 'CREATING' });
  t.equal(broker.types('server', 'A').at(-1), 'server.slot-reserved');
});

t.test('a deletion that the host never heard of is asked for again', async (t) => {
  const { broker, id, started, remove, alive } = await withSession(t);
  await started();
  await remove();
  await broker.restart();
  await broker.greet('A', { sessions: [alive] });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
  await broker.greet('A');
  t.match(await broker.describe(id), { state: 'DELETED' });
});

t.test('forced deletion closes at once; a session that turns out to be alive later is adopted again', async (t) => {
  const { broker, id, started, remove, alive } = await withSession(t);
  await started();
  t.same(await remove(true), { done: 'DELETED' });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id }, 'a host that is there still closes it');
  t.same(await remove(true), { done: 'DELETED' }, 'twice does no harm');
  await broker.greet('A', { sessions: [alive] });
  t.match(await broker.describe(id), { state: 'READY', owner: 'ann' });
  t.equal(broker.types('server', 'A').at(-1), 'server.slot-reserved');
});

t.test('what is asked of a host while its agent arrives is told to the new connection, once', async (t) => {
  const { broker, id, started, remove, alive } = await withSession(t);
  const other = idOf(await broker.create({ owner: 'bob' }));
  await started();
  await broker.report('A', { kind: 'session-started', sessionId: other, attempt: 1 });
  const found = {
    ...(await greetingOf(broker)),
    serverId: serverId('A'),
    sessions: [alive, { ...alive, sessionId: other, localId: other }],
  };
  await broker.core.reception.greeted(found, AGENT_CLIENT);
  await broker.core.application.updateSessionPermissions([{ sessionId: other, owner: 'bob', permissionsFile: 'bmV3' }], ORIGIN);
  await remove(true);
  const orders = broker.ordersOf('A').length;
  const connect = async () => {
    broker.core.reception.connected(serverId('A'));
    await broker.settle();
    return broker.ordersOf('A').slice(orders);
  };
  const expected = [
    { kind: 'set-permissions', sessionId: other },
    { kind: 'close-session', sessionId: id },
  ];
  t.match(await connect(), expected);
  t.match(await connect(), expected, 'it was heard');
});

t.test('what is asked of a host whose agent goes away while it arrives is left to its next inventory', async (t) => {
  const { broker, id, started, remove, alive } = await withSession(t);
  await started();
  await broker.core.reception.greeted({ ...(await greetingOf(broker)), serverId: serverId('A'), sessions: [alive] }, AGENT_CLIENT);
  await remove(true);
  broker.core.reception.lost(serverId('A'), 'It is silent.');
  await broker.settle();
  const orders = broker.ordersOf('A').length;
  await broker.greet('A', { sessions: [alive] });
  t.equal(broker.ordersOf('A').length, orders);
  t.match(await broker.describe(id), { state: 'READY' });
});

t.test('an inventory is compared with what was recorded before it, however far the read models are behind', async (t) => {
  let gate = Promise.resolve();
  let subscriptions = 0;
  const late = (log: EventLog): EventLog => ({
    ...log,
    subscribe(after, deliver, failed) {
      subscriptions += 1;
      // The first is that of the read models.
      return log.subscribe(after, subscriptions === 1 ? async (facts) => gate.then(() => deliver(facts)) : deliver, failed);
    },
  });
  const broker = await setUpCore(t, {}, late);
  await broker.greet('A');
  const id = idOf(await broker.create());
  await broker.report('A', { kind: 'session-started', sessionId: id, attempt: 1 });
  let open = (): void => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: true }], ORIGIN);
  const greeting = broker.greet('A', { sessions: [found(id, { attempt: 1 })] });
  await pause(50);
  open();
  await greeting;
  t.match(await broker.describe(id), { state: 'READY' }, 'it is alive after all');
});

t.test('a session deleted while it was being made is closed when it starts after all', async (t) => {
  const { broker, id, started, remove } = await withSession(t);
  await remove();
  await started();
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
  await broker.report('A', { kind: 'session-failed', sessionId: id, attempt: 1, reason: 'It would not start.' });
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'It would not start.' });
});

t.test('a session that starts where it is not placed any more is closed there', async (t) => {
  const { broker, id } = await withSession(t);
  await broker.greet('B');
  await broker.report('A', { kind: 'session-failed', sessionId: id, attempt: 1, reason: 'Too slow.' });
  t.match(await broker.describe(id), { server: { id: 'B' } });
  await broker.report('A', { kind: 'session-started', sessionId: id, attempt: 1 });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
  await broker.greet('A', { sessions: [found(id, { attempt: 1 })] });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
  t.match(await broker.describe(id), { state: 'CREATING', server: { id: 'B' } });
});

t.test('a session that waits for another server is closed where it starts after all', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const id = idOf(await broker.create({ enqueue: true }));
  await broker.pass(300_000);
  t.match(await broker.describe(id), { state: 'CREATING', stateReason: 'The host did not make the session within 300 s.' });
  await broker.report('A', { kind: 'session-started', sessionId: id, attempt: 1 });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
  t.match(await broker.describe(id), { state: 'CREATING' });
});

t.test('sessions made by hand are adopted and counted, and gone when they are', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('console', { spec: { name: '', owner: 'root', sessionType: 'CONSOLE' }, connections: 1 })] });
  t.match(await broker.describe('console'), { state: 'READY', owner: 'root', sessionType: 'CONSOLE', connections: 1 });
  t.match(await broker.core.application.describeServers({ limit: 9 }), {
    items: [{ consoleSessions: 1, unavailabilityReason: 'SERVER_FULL' }],
  });
  await broker.report('A', { kind: 'session-ended', sessionId: sessionId('console'), reason: 'Closed.' });
  t.match(await broker.describe('console'), { state: 'DELETED' });
  await broker.report('A', { kind: 'session-found', session: found('by-hand') });
  t.match(await broker.describe('by-hand'), { state: 'READY' });
});

t.test('two hosts may each have a session of the same local id', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('console')] });
  await broker.greet('B', { sessions: [found('console')] });
  const longer = longerId('console', serverId('B'));
  t.match(await broker.describe('console'), { server: { id: 'A' } });
  t.match(await broker.describe(longer), { server: { id: 'B' }, state: 'READY' });
  await broker.report('B', { kind: 'connections-changed', sessionId: sessionId('console'), count: 4 });
  t.match(await broker.describe('console'), { connections: 0 });
  t.match(await broker.describe(longer), { connections: 4 });
  await broker.core.application.deleteSessions([{ sessionId: longer, owner: 'ann', force: false }], ORIGIN);
  await broker.settle();
  t.match(broker.ordersOf('B').at(-1), { kind: 'close-session', sessionId: longer, localId: 'console' });
  await broker.greet('B', { sessions: [found('console')] });
  t.match(await broker.describe(longer), { state: 'DELETING' });
});

t.test('permissions that changed while a session was made are told to the host that is found to have made it', async (t) => {
  const { broker, id, alive } = await withSession(t);
  await broker.core.application.updateSessionPermissions([{ sessionId: id, owner: 'ann', permissionsFile: 'bmV3' }], ORIGIN);
  const before = broker.ordersOf('A').length;
  await broker.greet('A', { sessions: [alive] });
  t.match(await broker.describe(id), { state: 'READY' });
  t.match(broker.ordersOf('A').slice(before), [{ kind: 'set-permissions', permissionsFile: 'bmV3' }]);
});

t.test('a session with a longer id keeps it, and what changed about it is caught up with', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('desk')] });
  await broker.greet('B', { sessions: [found('desk')] });
  const longer = longerId('desk', serverId('B'));
  await broker.core.application.updateSessionPermissions([{ sessionId: longer, owner: 'ann', permissionsFile: 'bmV3' }], ORIGIN);
  await broker.greet('A');
  await broker.greet('B', { sessions: [found('desk', { connections: 3 })] });
  t.match(await broker.describe(longer), { state: 'READY', connections: 3 });
  t.match(await broker.describe('desk'), { state: 'DELETED', server: { id: 'A' } });
  t.match(broker.ordersOf('B').at(-1), { kind: 'set-permissions', sessionId: longer, localId: 'desk', permissionsFile: 'bmV3' });
});

t.test('a session made by hand that was deleted and is alive is closed, not taken for another of its name', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('desk')] });
  await broker.core.application.deleteSessions([{ sessionId: 'desk', owner: 'ann', force: false }], ORIGIN);
  await broker.pass(300_000);
  t.match(await broker.describe('desk'), { state: 'DELETED', stateReason: /did not close/ });
  await broker.greet('A', { sessions: [found('desk')] });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: 'desk' });
  t.equal(await broker.describe(longerId('desk', serverId('A'))), undefined);
  const orders = broker.ordersOf('A').length;
  broker.core.reception.connected(serverId('A'));
  await broker.settle();
  t.equal(broker.ordersOf('A').length, orders, 'an order stream that is opened once more does not close it twice');
  await broker.report('A', { kind: 'session-found', session: found('desk') });
  t.match(broker.ordersOf('A').slice(orders), [{ kind: 'close-session', sessionId: 'desk' }], 'however it is heard of');
  await broker.greet('A', { sessions: [found('desk', { creationTime: broker.clock.now() })] });
  t.match(await broker.describe('desk'), { state: 'READY' }, 'one that was made since is another');
});

t.test('a session that is made anew by hand at once keeps its slot', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('desk')] });
  await broker.report(
    'A',
    { kind: 'session-ended', sessionId: sessionId('desk'), reason: 'Closed.' },
    { kind: 'session-found', session: found('desk', { creationTime: broker.clock.now() }) },
  );
  t.match(await broker.describe('desk'), { state: 'READY' });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ virtualSessions: 1 }] });
});

t.test('the late news of an end does not end the next session of that name', async (t) => {
  const broker = await setUpCore(t);
  const [earlier, later] = [Date.UTC(2026, 0, 2), Date.UTC(2026, 0, 3)];
  await broker.greet('A', { sessions: [found('desk', { creationTime: earlier })] });
  await broker.greet('A', {
    sessions: [found('desk', { creationTime: later, spec: { name: '', owner: 'bob', sessionType: 'CONSOLE' } })],
  });
  t.match(broker.types('session', 'desk'), ['session.adopted', 'session.deleted', 'session.adopted']);
  await broker.report('A', { kind: 'session-ended', sessionId: sessionId('desk'), reason: 'Closed.', creationTime: earlier });
  t.match(await broker.describe('desk'), { state: 'READY', owner: 'bob', creationTime: later });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ virtualSessions: 0, consoleSessions: 1 }] });
  await broker.report('A', { kind: 'session-ended', sessionId: sessionId('desk'), reason: 'Closed.', creationTime: later });
  t.match(await broker.describe('desk'), { state: 'DELETED' });
});

t.test('the end of a session with a longer id is not taken for the end of the one that had its name before', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', { sessions: [found('desk')] });
  await broker.greet('B', { sessions: [found('desk')] });
  const longer = longerId('desk', serverId('B'));
  await broker.greet('A');
  await broker.report('B', { kind: 'session-found', session: found('desk', { creationTime: broker.clock.now() }) });
  t.match(await broker.describe('desk'), { state: 'READY', server: { id: 'B' } });
  await broker.report('B', { kind: 'session-ended', sessionId: sessionId('desk'), reason: 'Closed.' });
  await broker.report('B', { kind: 'session-ended', sessionId: sessionId('desk'), reason: 'Closed.' });
  t.match(await broker.describe('desk'), { state: 'DELETED' });
  t.match(await broker.describe(longer), { state: 'DELETED' });
});

t.test('what changed about a session is caught up with when its server was given up meanwhile', async (t) => {
  const { broker, id, started, alive } = await withSession(t);
  await started();
  broker.core.reception.lost(serverId('A'), 'It is silent.');
  await broker.pass(1_800_000);
  t.equal(broker.types('server', 'A').at(-1), 'server.removed');
  await broker.greet('A', { sessions: [{ ...alive, connections: 2 }] });
  t.match(await broker.describe(id), { state: 'READY', connections: 2 });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ virtualSessions: 1 }] });
});

t.test('what changed while nobody listened is caught up with from the inventory', async (t) => {
  const { broker, id, started, alive } = await withSession(t);
  await started();
  await broker.core.application.updateSessionPermissions([{ sessionId: id, owner: 'ann', permissionsFile: 'bmV3' }], ORIGIN);
  await broker.greet('A', { sessions: [{ ...alive, connections: 3 }] });
  t.match(await broker.describe(id), { connections: 3 });
  t.match(broker.ordersOf('A').at(-1), { kind: 'set-permissions', permissionsFile: 'bmV3' });
  const orders = broker.ordersOf('A').length;
  await broker.greet('A', { sessions: [{ ...alive, connections: 3, spec: { ...alive.spec, permissionsFile: 'bmV3' } }] });
  t.equal(broker.ordersOf('A').length, orders, 'nothing is left to be done');
});

t.test('a DCV server that does not answer cannot tell what is gone', async (t) => {
  const { broker, id, started } = await withSession(t);
  await started();
  await broker.greet('A', { healthy: false, healthReason: 'dcvserver is not running' });
  t.match(await broker.describe(id), { state: 'READY' });
  await broker.greet('A');
  t.match(await broker.describe(id), { state: 'DELETED' });
});

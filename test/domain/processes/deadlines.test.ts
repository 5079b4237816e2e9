/** Deadlines: what has waited too long is ended with a reason, also across a restart of the broker. */
import t from 'tap';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { found, setUpCore } from '../../helpers/core.ts';
import { ORIGIN } from '../../helpers/samples.ts';

const idOf = (view: unknown) => sessionId((view as { id: string }).id);
const MINUTE = 60_000;

/** A broker with a server A and a session on it, READY or still being made. */
async function withSession(t: Parameters<typeof setUpCore>[0], isReady: boolean, limits: Parameters<typeof setUpCore>[1] = {}) {
  const broker = await setUpCore(t, limits);
  await broker.greet('A');
  const id = idOf(await broker.create());
  if (isReady) await broker.report('A', { kind: 'session-started', sessionId: id, attempt: 1 });
  const lose = async () => {
    broker.core.reception.lost(serverId('A'), 'It is silent.');
    await broker.settle();
  };
  const remove = async () => {
    await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: false }], ORIGIN);
    await broker.settle();
  };
  return { broker, id, lose, remove };
}

/** A restart in which A comes back with what it has. */
async function restart(broker: Awaited<ReturnType<typeof setUpCore>>, sessions: Parameters<typeof found>[0][] = []) {
  await broker.restart();
  await broker.greet('A', { sessions: sessions.map((id) => found(id, { attempt: 1 })) });
}

t.test('a session that its host does not make in time is tried elsewhere', async (t) => {
  const { broker, id } = await withSession(t, false);
  await broker.greet('B');
  await broker.pass(4 * MINUTE);
  t.match(await broker.describe(id), { server: { id: 'A' } });
  await broker.pass(2 * MINUTE);
  t.match(await broker.describe(id), { state: 'CREATING', server: { id: 'B' } });
  await broker.pass(6 * MINUTE);
  t.match(await broker.describe(id), {
    state: 'DELETED',
    stateReason: /^The host did not make the session within 300 s. It could not be tried elsewhere: /,
  });
});

t.test('the time of a host does not begin anew with a restart', async (t) => {
  const { broker, id } = await withSession(t, false);
  await broker.pass(3 * MINUTE);
  await restart(broker);
  await broker.pass(3 * MINUTE);
  t.match(await broker.describe(id), { state: 'DELETED' });
});

t.test('a session that is READY in time is left alone', async (t) => {
  const { broker, id } = await withSession(t, true);
  await broker.pass(20 * MINUTE);
  t.match(await broker.describe(id), { state: 'READY' });
});

t.test('a session that its host does not close in time is DELETED, and closed when it turns up', async (t) => {
  const { broker, id, remove } = await withSession(t, true);
  await remove();
  await broker.pass(MINUTE);
  await restart(broker, [id]);
  await broker.pass(4 * MINUTE);
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'The host did not close the session within 300 s.' });
  await broker.greet('A', { sessions: [found(id, { attempt: 1 })] });
  t.match(await broker.describe(id), { state: 'DELETED' });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
});

t.test('a deletion waits for a host that is away', async (t) => {
  const { broker, id, remove, lose } = await withSession(t, true);
  await remove();
  await lose();
  await broker.pass(20 * MINUTE);
  t.equal(broker.types('session', id).at(-1), 'session.deletion-requested');
  await broker.greet('A', { sessions: [found(id, { attempt: 1 })] });
  t.match(broker.ordersOf('A').at(-1), { kind: 'close-session', sessionId: id });
});

t.test('a server that stays away is forgotten, and its sessions are not unless configured', async (t) => {
  const { broker, id, lose } = await withSession(t, true);
  await lose();
  await broker.pass(29 * MINUTE);
  await broker.restart();
  t.equal((await broker.core.application.describeServers({ limit: 9 })).items.length, 1);
  await broker.pass(2 * MINUTE);
  t.same((await broker.core.application.describeServers({ limit: 9 })).items, []);
  t.match(await broker.describe(id), { state: 'UNKNOWN' });
  await broker.greet('A', { sessions: [found(id, { attempt: 1 })] });
  t.match(await broker.describe(id), { state: 'READY' });
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ id: 'A', virtualSessions: 1 }] });
});

t.test('a server that is back in time is not forgotten', async (t) => {
  const { broker, lose } = await withSession(t, true);
  await lose();
  await broker.pass(29 * MINUTE);
  await broker.greet('A');
  await broker.pass(5 * MINUTE);
  t.equal((await broker.core.application.describeServers({ limit: 9 })).items.length, 1);
});

t.test('a server that was closed and forgotten comes back closed, also after a restart', async (t) => {
  const { broker, lose } = await withSession(t, false);
  await broker.core.application.closeServers([{ serverId: 'A', force: true }], ORIGIN);
  await lose();
  await broker.pass(31 * MINUTE);
  await broker.restart();
  await broker.greet('A');
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ id: 'A', unavailabilityReason: 'SERVER_CLOSED' }] });
  t.match(await broker.create(), /1 closed/);
});

t.test('sessions of a server that stays away are DELETED where that is configured, and tried elsewhere while they are made', async (t) => {
  const { broker, id, lose } = await withSession(t, true, { unreachableSessionsMs: 15 * MINUTE });
  const making = idOf(await broker.create());
  await lose();
  await broker.greet('B');
  await broker.pass(14 * MINUTE);
  t.match(await broker.describe(id), { state: 'UNKNOWN' });
  await broker.pass(2 * MINUTE);
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'Its server could not be reached for 900 s.' });
  t.equal(broker.types('session', making).at(-1), 'session.failed');
});

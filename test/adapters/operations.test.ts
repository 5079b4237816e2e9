/** The operations on the broker's core, where they depend on more than one actor. */
import t, { type Test } from 'tap';
import { sessionId } from '../../domain/ids.ts';
import { type EventLog, LogBusyError } from '../../domain/ports/event-log.ts';
import { setUpCore } from '../helpers/core.ts';
import { ORIGIN, wish } from '../helpers/samples.ts';

type Broker = Awaited<ReturnType<typeof setUpCore>>;

async function ready(broker: Broker): Promise<string> {
  await broker.greet('A');
  const { id } = (await broker.create()) as { id: string };
  await broker.report('A', { kind: 'session-started', sessionId: sessionId(id), attempt: 1 });
  return id;
}

t.test('a token is given for a session that is READY, and for no other', async (t) => {
  const broker = await setUpCore(t);
  const id = await ready(broker);
  t.match(await broker.core.application.connectionData(id, 'bob'), { done: { session: { id }, connectionToken: `${id} bob` } });
  t.match(await broker.core.application.connectionData('nobody', 'bob'), { rejected: { code: 'SESSION_NOT_FOUND' } });
  await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: false }], ORIGIN);
  t.match(await broker.core.application.connectionData(id, 'bob'), {
    rejected: { code: 'SESSION_NOT_READY', reason: 'The session is not in READY state; it is DELETING.' },
  });
});

t.test('what is asked of sessions and servers that are unknown, or of others, is refused for its reason', async (t) => {
  const broker = await setUpCore(t);
  const id = await ready(broker);
  const { application } = broker.core;
  const remove = (sessionId: string, owner: string) => application.deleteSessions([{ sessionId, owner, force: false }], ORIGIN);
  t.match(await remove('nobody', 'ann'), [{ rejected: { code: 'SESSION_NOT_FOUND' } }]);
  t.match(await remove(id, 'eve'), [{ rejected: { code: 'OWNER_MISMATCH' } }]);
  t.match(await application.openServers([{ serverId: 'B' }], ORIGIN), [{ rejected: { code: 'DCV_SERVER_NOT_FOUND' } }]);
  t.match(await application.closeServers([{ serverId: 'A', force: false }], ORIGIN), [{ rejected: { code: 'DCV_SERVER_HAS_SESSIONS' } }]);
});

t.test('a screenshot is taken of a session that is READY; what the agent says is passed on', async (t) => {
  const broker = await setUpCore(t);
  const id = await ready(broker);
  const { id: waiting } = (await broker.create({ enqueue: true, requirements: "tag:moon = 'full'" })) as { id: string };
  t.match(await broker.core.application.screenshots([{ sessionId: id }, { sessionId: 'nobody' }, { sessionId: waiting }]), [
    { rejected: { code: 'NO_SCREENSHOT', reason: 'There is no screen.' } },
    { rejected: { code: 'SESSION_NOT_FOUND' } },
    { rejected: { code: 'SESSION_NOT_READY' } },
  ]);
  const picture = { format: 'png', data: 'AAAA', time: 1, primary: true } as const;
  broker.show([picture]);
  t.same(await broker.core.application.screenshots([{ sessionId: id }]), [{ done: [picture] }]);
});

t.test('the history of an actor has every fact in order; nobody has none', async (t) => {
  const broker = await setUpCore(t);
  const id = await ready(broker);
  const page = await broker.core.application.sessionHistory(id, 10);
  t.same(
    page?.items.map(({ type }) => type),
    ['session.requested', 'session.placed', 'session.started'],
  );
  t.equal(page?.next, undefined);
  const first = await broker.core.application.serverHistory('A', 2);
  t.match(first, { items: [{ type: 'server.registered' }, { type: 'server.described', cause: { kind: 'agent' } }], next: 1 });
  const rest = await broker.core.application.serverHistory('A', 10, first?.next);
  t.match(rest?.items[0], { revision: 2 });
  t.same(await broker.core.application.serverHistory('A', 10, rest?.items.at(-1)?.revision), { items: [] }, 'nothing more');
  t.equal(await broker.core.application.sessionHistory('nobody', 10), undefined);
});

t.test('an item for which the broker is too busy does not undo its neighbours; alone it is told to come back', async (t) => {
  let isBusy = true;
  const busy = (log: EventLog): EventLog => ({
    ...log,
    append: async (stream, expectedRevision, facts) => {
      const isMeant = JSON.stringify(facts[0]?.data).includes('unlucky');
      if (isBusy && isMeant) throw new LogBusyError('Too much is waiting.');
      return log.append(stream, expectedRevision, facts);
    },
  });
  const broker = await setUpCore(t, {}, busy);
  await broker.greet('A');
  const results = await broker.core.application.createSessions([wish(), wish({ name: 'unlucky' })], ORIGIN);
  t.match(results, [{ done: { state: 'CREATING' } }, { rejected: { code: 'BUSY' } }]);
  await t.rejects(broker.core.application.createSessions([wish({ name: 'unlucky' })], ORIGIN), LogBusyError);
  isBusy = false;
  t.match(await broker.core.application.createSessions([wish({ name: 'unlucky' })], ORIGIN), [{ done: {} }]);
});

/** A broker that cannot reserve slots until it is told to. */
async function unableToPlace(t: Test): Promise<{ readonly broker: Broker; recover(): void }> {
  let isAway = true;
  const stuck = (log: EventLog): EventLog => ({
    ...log,
    append: async (stream, expectedRevision, facts) => {
      if (isAway && facts[0]?.type === 'server.slot-reserved') throw new LogBusyError('Too much is waiting.');
      return log.append(stream, expectedRevision, facts);
    },
  });
  const broker = await setUpCore(t, {}, stuck);
  await broker.greet('A');
  const recover = (): void => {
    isAway = false;
  };
  return { broker, recover };
}

/** Gives the id of a session whose create call was answered before it was known where the session goes. */
async function createImpatiently(broker: Broker): Promise<string> {
  const creating = broker.core.application.createSessions([wish()], ORIGIN);
  await broker.pass(11_000);
  const [result] = await creating;
  if (result === undefined || 'rejected' in result) throw new Error('It was refused.');
  return result.done.id;
}

t.test('a create call does not wait for ever to learn where its session goes', async (t) => {
  const { broker, recover } = await unableToPlace(t);
  const id = await createImpatiently(broker);
  t.match(await broker.describe(id), { state: 'CREATING', substate: 'SESSION_PLACING' });
  recover();
  await broker.pass(10_000);
  t.equal(broker.ordersOf('A').length, 1);
});

t.test('a session whose creation was answered too early stays visible when no server takes it', async (t) => {
  const { broker, recover } = await unableToPlace(t);
  const id = await createImpatiently(broker);
  await broker.core.application.closeServers([{ serverId: 'A', force: false }], ORIGIN);
  recover();
  await broker.pass(10_000);
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: /No DCV server/ });
});

t.test('so does one that a restart finds, since its caller was told', async (t) => {
  const { broker } = await unableToPlace(t);
  const id = await createImpatiently(broker);
  await broker.core.application.closeServers([{ serverId: 'A', force: false }], ORIGIN);
  await broker.restart();
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: /No DCV server/ });
});

t.test('a session that nobody was told of is refused when a restart finds no server for it', async (t) => {
  const { broker } = await unableToPlace(t);
  const creating = broker.core.application.createSessions([wish()], ORIGIN);
  creating.catch(() => undefined);
  await broker.pass(100);
  await broker.core.application.closeServers([{ serverId: 'A', force: false }], ORIGIN);
  await broker.restart();
  t.match(await broker.core.application.describeSessions({ limit: 10 }), { items: [] });
});

t.test('a describe call does not wait for ever for read models that are behind', async (t) => {
  let ahead = 0;
  const broker = await setUpCore(t, {}, (log) => ({ ...log, known: () => log.known() + ahead }));
  await broker.greet('A');
  ahead = 1_000;
  const describing = t.rejects(broker.core.application.describeSessions({ limit: 1 }), LogBusyError);
  await broker.clock.advance(11_000);
  await describing;
  ahead = 0;
});

t.test('a broker that has much to catch up with says how far it is', async (t) => {
  let delayMs = 0;
  const broker: Broker = await setUpCore(t, {}, (log) => ({
    ...log,
    subscribe(after, deliver, failed) {
      if (delayMs === 0) return log.subscribe(after, deliver, failed);
      let subscription: ReturnType<EventLog['subscribe']> | undefined;
      broker.clock.after(delayMs, () => {
        subscription = log.subscribe(after, deliver, failed);
      });
      return { stop: async () => subscription?.stop() };
    },
  }));
  await broker.greet('A');
  await broker.forgetReads();
  delayMs = 5_000;
  const restarting = broker.restart();
  const time = setInterval(() => void broker.clock.advance(1_000), 5);
  await restarting;
  clearInterval(time);
  t.ok(broker.said.some(({ message }) => message === 'The read models are catching up with the log.'));
  t.match(await broker.core.application.describeServers({ limit: 9 }), { items: [{ id: 'A' }] });
});

/** Placing: finding a server, waiting for one, and trying another. */
import t from 'tap';
import { sessionId } from '../../../domain/ids.ts';
import { setUpCore } from '../../helpers/core.ts';
import { description, ORIGIN, wish } from '../../helpers/samples.ts';

const small = (hostname: string) => ({ description: description({ hostname, maxVirtualSessions: 1 }) });
const idOf = (view: unknown): string => (view as { id: string }).id;

t.test('a session is placed once, on a server that can take it, and its agent gets the order', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  const view = await broker.create({ requirements: "server:Host.Os.Family = 'linux'" });
  t.match(view, { state: 'CREATING', substate: 'PENDING_PREPARATION', server: { id: 'A' } });
  t.same(broker.types('session', idOf(view)), ['session.requested', 'session.placed']);
  t.match(broker.ordersOf('A'), [{ kind: 'create-session', sessionId: idOf(view), attempt: 1, spec: { owner: 'ann' } }]);
});

t.test('without a server the request is refused with a reason, and leaves nothing but its history', async (t) => {
  const broker = await setUpCore(t);
  t.match(await broker.create(), /^No DCV server found for the given criteria/);
  t.same((await broker.core.application.describeSessions({ limit: 10 })).items, []);
  t.equal(broker.store.facts.at(-1)?.type, 'session.refused');
});

t.test('a requirement that cannot be read is refused with the place of the mistake', async (t) => {
  const broker = await setUpCore(t);
  t.match(await broker.create({ requirements: "tag:a = 'x' AND" }), /^Requirements: column 16/);
});

t.test('a thousand requests at once for ten slots fill exactly ten', async (t) => {
  const broker = await setUpCore(t);
  for (const name of ['A', 'B', 'C', 'D', 'E']) {
    await broker.greet(name, { description: description({ hostname: name, maxVirtualSessions: 2 }) });
  }
  const results = await broker.core.application.createSessions(
    Array.from({ length: 1000 }, () => wish()),
    ORIGIN,
  );
  t.equal(results.filter((result) => 'done' in result).length, 10);
  await broker.settle();
  for (const name of ['A', 'B', 'C', 'D', 'E']) t.equal(broker.ordersOf(name).length, 2);
});

t.test('a request that may wait is placed when a slot becomes free', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', small('A'));
  const first = await broker.create();
  await broker.report('A', { kind: 'session-started', sessionId: sessionId(idOf(first)), attempt: 1 });
  const second = await broker.create({ enqueue: true });
  t.match(second, { state: 'CREATING', substate: 'SESSION_PLACING' });
  t.match(await broker.create(), /others wait for the same/);
  await broker.report('A', { kind: 'session-ended', sessionId: sessionId(idOf(first)), reason: 'Logged out.' });
  t.match(await broker.describe(idOf(second)), { substate: 'PENDING_PREPARATION', server: { id: 'A' } });
});

t.test('who waits is served in order, whatever kind of change makes room', async (t) => {
  const broker = await setUpCore(t);
  const first = await broker.create({ enqueue: true });
  const second = await broker.create({ enqueue: true });
  await broker.greet('A', small('A'));
  t.match(await broker.describe(idOf(first)), { server: { id: 'A' } });
  t.match(await broker.describe(idOf(second)), { server: undefined });
  await broker.greet('B', small('B'));
  t.match(await broker.describe(idOf(second)), { server: { id: 'B' } });
});

t.test('an impossible request holds nobody else up', async (t) => {
  const broker = await setUpCore(t);
  await broker.create({ enqueue: true, requirements: "tag:moon = 'full'" });
  const possible = await broker.create({ enqueue: true });
  await broker.greet('A');
  t.match(await broker.describe(idOf(possible)), { server: { id: 'A' } });
});

t.test('a full queue refuses, with a sentence', async (t) => {
  const broker = await setUpCore(t);
  for (let count = 0; count < 3; count += 1) t.match(await broker.create({ enqueue: true }), { state: 'CREATING' });
  t.match(await broker.create({ enqueue: true }), /^The queue is full: 3 requests wait/);
});

t.test('who waited too long is given up, also across a restart', async (t) => {
  const broker = await setUpCore(t);
  const first = await broker.create({ enqueue: true });
  await broker.pass(1_000_000);
  await broker.restart();
  const second = await broker.create({ enqueue: true });
  await broker.pass(799_000);
  t.match(await broker.describe(idOf(first)), { state: 'CREATING' });
  await broker.pass(2_000);
  t.match(await broker.describe(idOf(first)), { state: 'DELETED', stateReason: /within 1800 s/ });
  t.match(await broker.describe(idOf(second)), { state: 'CREATING' });
  await broker.pass(1_800_000);
  t.match(await broker.describe(idOf(second)), { state: 'DELETED' });
});

t.test('a session that waits and is deleted is cancelled', async (t) => {
  const broker = await setUpCore(t);
  const waiting = idOf(await broker.create({ enqueue: true }));
  const [deleted] = await broker.core.application.deleteSessions([{ sessionId: waiting, owner: 'ann', force: false }], ORIGIN);
  t.same(deleted, { done: 'DELETED' });
  await broker.greet('A');
  t.same(broker.ordersOf('A'), []);
});

t.test('a failure on the host is tried again elsewhere, three times in all, and then told', async (t) => {
  const broker = await setUpCore(t);
  for (const name of ['A', 'B', 'C', 'D']) await broker.greet(name);
  const id = idOf(await broker.create());
  const tried: string[] = [];
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const at = (await broker.describe(id)).server?.id ?? '';
    tried.push(at);
    await broker.report(at, { kind: 'session-failed', sessionId: sessionId(id), attempt, reason: 'Specified user is not a local user' });
  }
  t.equal(new Set(tried).size, 3, 'on three servers');
  t.match(await broker.describe(id), { state: 'DELETED', stateReason: 'Specified user is not a local user' });
  for (const name of tried) t.same(broker.types('server', name).slice(-2), ['server.slot-reserved', 'server.slot-released']);
});

t.test('a failure is final where no other server is left, or where retrying was not wanted', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A');
  for (const retry of [true, false]) {
    const id = idOf(await broker.create({ retry }));
    await broker.report('A', { kind: 'session-failed', sessionId: sessionId(id), attempt: 1, reason: 'No.' });
    t.match(await broker.describe(id), { state: 'DELETED' });
  }
});

t.test('a restart places what was requested and not placed', async (t) => {
  const broker = await setUpCore(t);
  const waiting = idOf(await broker.create({ enqueue: true }));
  await broker.restart();
  await broker.greet('A');
  t.match(await broker.describe(waiting), { server: { id: 'A' } });
});

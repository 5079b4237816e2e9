/** Placing: finding a server, waiting for one, and trying another. */
import t from 'tap';
import { serverId, sessionId } from '../../../domain/ids.ts';
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

t.test('of several who wait, the one who has waited longest is served first, whoever it is', async (t) => {
  const broker = await setUpCore(t, { queueSize: 10 });
  const waiting: string[] = [];
  for (const owner of ['ann', 'ann', 'bob', 'ann', 'cid', 'bob']) {
    waiting.push(idOf(await broker.create({ enqueue: true, owner })));
    await broker.pass(1);
  }
  const served: string[] = [];
  for (const name of ['A', 'B', 'C', 'D', 'E', 'F']) {
    await broker.greet(name, small(name));
    for (const id of waiting) if ((await broker.describe(id)).server?.id === name) served.push(id);
  }
  t.same(served, waiting);
});

t.test('many who wait are served in order when much room comes at once', async (t) => {
  const broker = await setUpCore(t, { queueSize: 200 });
  const waiting: string[] = [];
  for (let number = 0; number < 60; number += 1) {
    waiting.push(idOf(await broker.create({ enqueue: true, owner: `user${number % 3}` })));
    if (number % 10 === 0) await broker.create({ enqueue: true, requirements: `tag:moon = '${number}'` });
  }
  await broker.greet('A', { description: description({ hostname: 'A', maxVirtualSessions: 40 }) });
  const placed = await Promise.all(waiting.map(async (id) => (await broker.describe(id)).server !== undefined));
  t.same(
    placed,
    waiting.map((_, number) => number < 40),
  );
});

t.test('who failed on the only server there is does not hold up others with the same wish', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', small('A'));
  const first = idOf(await broker.create({ enqueue: true }));
  await broker.report('A', { kind: 'session-failed', sessionId: sessionId(first), attempt: 1, reason: 'No.' });
  t.match(await broker.describe(first), { state: 'CREATING', server: undefined });
  t.match(await broker.create({ enqueue: true }), { server: { id: 'A' } });
  await broker.greet('B', small('B'));
  t.match(await broker.describe(first), { server: { id: 'B' } });
});

t.test('who waits for an idle server is placed when one is, though nobody says so', async (t) => {
  const broker = await setUpCore(t);
  const load = (oneMinute: number) => ({ memoryUsedBytes: 0, swapUsedBytes: 0, cpuLoadAverage: [oneMinute, 0, 0] as const });
  await broker.greet('A', { telemetry: load(5) });
  const id = idOf(await broker.create({ enqueue: true, requirements: 'server:Host.CpuLoadAverage.OneMinute < 1' }));
  await broker.pass(60_000);
  t.match(await broker.describe(id), { substate: 'SESSION_PLACING' });
  broker.core.reception.telemetry(serverId('A'), load(0));
  await broker.pass(5_000);
  t.match(await broker.describe(id), { server: { id: 'A' } });
});

t.test('the history of a session says by which policy it was placed, among whom, and why not elsewhere', async (t) => {
  const broker = await setUpCore(t, { policy: 'pack' });
  await broker.greet('A', { description: description({ hostname: 'A', maxVirtualSessions: 3 }) });
  await broker.greet('B', { description: description({ hostname: 'B', maxVirtualSessions: 2 }) });
  await broker.greet('C', { description: description({ hostname: 'C', os: { family: 'windows', name: 'Windows', version: '2022' } }) });
  const reasonOf = async (id: string) => {
    const page = await broker.core.application.sessionHistory(id, 10);
    return page?.items.filter(({ type }) => type === 'session.placed').at(-1)?.data;
  };
  const id = idOf(await broker.create());
  const turnedDown = { SESSION_TYPE_NOT_SUPPORTED: 1 };
  const first = { policy: 'pack', candidates: ['B', 'A'], considered: 3, turnedDown, failed: [] };
  t.same(await reasonOf(id), { serverId: 'B', attempt: 1, choice: first });
  t.match(await broker.create(), { server: { id: 'B' } }, 'B is filled first');
  await broker.report('B', { kind: 'session-failed', sessionId: sessionId(id), attempt: 1, reason: 'No.' });
  const second = {
    policy: 'pack',
    candidates: ['A'],
    considered: 3,
    turnedDown: { ALREADY_TRIED: 1, SESSION_TYPE_NOT_SUPPORTED: 1 },
    failed: ['B'],
  };
  t.same(await reasonOf(id), { serverId: 'A', attempt: 2, choice: second });
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

/** The waiting room by itself: how much it does at a time, and what it makes of searches that end in every way. */
import t from 'tap';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { createEffects } from '../../../domain/processes/effects.ts';
import { type Job, job } from '../../../domain/processes/job.ts';
import type { Found } from '../../../domain/processes/seeking.ts';
import { createWaitingRoom } from '../../../domain/processes/waiting.ts';
import { createTestFleet } from '../../helpers/fleet.ts';
import { ORIGIN, wish } from '../../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock, turn } from '../../helpers/simulated-clock.ts';

const AT_ONCE = 32;
const NONE: Found = { outcome: 'none', reason: 'No.' };

/** A room whose searches end when and how the test says. */
function setUp() {
  const clock = createSimulatedClock(0);
  const { fleet, add, tell, reserve } = createTestFleet();
  const sought: { readonly id: string; readonly end: (found: Found) => void }[] = [];
  const givenUp: string[] = [];
  const leaving = { now: 0, most: 0 };
  const room = createWaitingRoom({
    clock,
    random: createSeededRandom(1),
    fleet,
    effects: createEffects(clock, {
      failed(_, error) {
        throw error;
      },
      recovered: () => undefined,
    }),
    seek: (each) => new Promise((end) => sought.push({ id: each.sessionId, end })),
    async giveUp(each) {
      givenUp.push(each.sessionId);
      leaving.now += 1;
      leaving.most = Math.max(leaving.most, leaving.now);
      await turn();
      leaving.now -= 1;
    },
  });
  return {
    clock,
    fleet,
    add,
    tell,
    reserve,
    room,
    sought,
    givenUp,
    leaving,
    ids: () => sought.map(({ id }) => id),
    async end(index: number, found: Found) {
      sought[index]?.end(found);
      await turn();
    },
  };
}

function jobOf(id: string, changes: Parameters<typeof wish>[0] = {}, more: Partial<Job> = {}): Job {
  const all = { wish: wish(changes), attempt: 1, tried: [], origin: ORIGIN, deadline: 1_000_000, isTold: true, round: 0, ...more };
  return job(sessionId(id), all);
}

t.test('so many are placed at the same time, in the order in which they came, and the next when one is done', async (t) => {
  const { room, add, ids, end } = setUp();
  for (let number = 0; number < 100; number += 1) room.add(jobOf(`s${number}`, { owner: `user${number % 7}` }));
  room.wake(add('a'));
  t.same(
    ids(),
    Array.from({ length: AT_ONCE }, (_, number) => `s${number}`),
  );
  t.equal(room.size, 100, 'they are waiting until they are placed');
  await end(3, { outcome: 'placed' });
  t.equal(ids().at(-1), 's32');
  t.equal(room.size, 99);
});

t.test('who could not be placed after all keeps the place in the queue and is asked for at the next occasion', async (t) => {
  const { room, add, ids, end } = setUp();
  for (const id of ['first', 'second']) room.add(jobOf(id));
  room.add(jobOf('other', { owner: 'bob' }));
  const a = add('a', { maxVirtualSessions: 1 });
  room.wake(a);
  for (const index of [0, 1, 2]) await end(index, NONE);
  t.same(ids(), ['first', 'second', 'other'], 'nobody is asked for again and again');
  t.equal(room.size, 3);
  room.wake(a);
  t.same(ids().slice(3), ['first', 'second', 'other']);
});

t.test('room that is made during a search is looked at before the search ends', async (t) => {
  const { room, add, ids, end } = setUp();
  room.add(jobOf('s'));
  room.wake(add('a'));
  room.wake(add('b'));
  await end(0, NONE);
  t.same(ids(), ['s', 's']);
  await end(1, { outcome: 'placed' });
  t.equal(room.size, 0);
  const search = room.seek(jobOf('new'));
  room.wake(serverId('a'));
  await end(2, NONE);
  await end(3, NONE);
  t.same(await search, NONE);
  t.same(ids().slice(2), ['new', 'new']);
});

t.test('who leaves while a server is sought does not come back', async (t) => {
  const { room, add, end } = setUp();
  const s = jobOf('s');
  room.add(s);
  room.add(s);
  t.equal(room.size, 1);
  t.ok(room.holds(s.sessionId) && room.has(s.kind));
  room.wake(add('a'));
  room.remove(s.sessionId);
  t.equal(room.size, 0);
  await end(0, NONE);
  t.equal(room.size, 0);
  t.notOk(room.holds(s.sessionId) || room.has(s.kind));
});

t.test('an occasion that is none costs no search', async (t) => {
  const { room, add, tell, reserve, ids, clock } = setUp();
  const full = add('full', { maxVirtualSessions: 1 });
  reserve('full', 's0');
  room.wake(full);
  room.add(jobOf('s'));
  room.add(jobOf('impossible', { requirements: "tag:moon = 'full'" }));
  room.add(jobOf('elsewhere', { requirements: "server:Id = 'nowhere'" }));
  for (const id of [full, serverId('unknown')]) room.wake(id);
  room.wake(add('free', { maxSessionsPerOwner: 0 }));
  const closed = add('closed');
  tell('closed', { type: 'server.closed', data: { force: false } });
  room.wake(closed);
  await clock.advance(60_000);
  t.same(ids(), []);
});

t.test('who may have no more sessions there, or has failed there, is passed over for others with the same requirement', async (t) => {
  const { room, add, reserve, ids } = setUp();
  const a = add('a', { maxSessionsPerOwner: 1 });
  reserve('a', 's0', 'VIRTUAL', 'ann');
  room.add(jobOf('of ann'));
  room.add(jobOf('unreadable', { requirements: 'near the window' }));
  room.add(jobOf('failed there', { owner: 'bob' }, { tried: [a] }));
  room.add(jobOf('of bob', { owner: 'bob' }));
  room.wake(a);
  t.same(ids(), ['of bob']);
});

t.test('a server that has no room for one type of session is still offered to those who wait for another', async (t) => {
  const { room, add, reserve, ids } = setUp();
  const a = add('a');
  reserve('a', 's0');
  room.add(jobOf('alone', { sessionType: 'CONSOLE' }));
  room.add(jobOf('among others'));
  room.wake(a);
  t.same(ids(), ['among others']);
});

t.test('with very many different requirements, others may run in between', async (t) => {
  const { room, clock, add, ids } = setUp();
  for (let number = 0; number < 2_500; number += 1) room.add(jobOf(`s${number}`, { requirements: `tag:n = ${number}` }));
  room.add(jobOf('possible'));
  room.wake(add('a'));
  t.same(ids(), [], 'not in one go');
  room.wake(add('b'));
  t.same(ids(), [], 'nor when there is more to do');
  await clock.advance(0);
  t.same(ids(), ['possible', 'possible'].slice(0, 1));
});

t.test('a server that goes away while it is offered is offered no more', async (t) => {
  const { room, clock, add, tell, ids } = setUp();
  for (let number = 0; number < 1_500; number += 1) room.add(jobOf(`s${number}`, { requirements: `tag:n = ${number}` }));
  room.add(jobOf('possible'));
  room.wake(add('a'));
  tell('a', { type: 'server.removed', data: { reason: 'gone' } });
  await clock.advance(0);
  t.same(ids(), []);
});

t.test('who waits for telemetry is looked after now and then, and nobody else', async (t) => {
  const { room, clock, fleet, add, reserve, ids, end } = setUp();
  const a = add('a', { maxSessionsPerOwner: 1 });
  reserve('a', 's0', 'VIRTUAL', 'ann');
  const idle = { requirements: 'server:Host.CpuLoadAverage.OneMinute < 1' };
  const load = (oneMinute: number) =>
    fleet.telemetry(a, { memoryUsedBytes: 0, swapUsedBytes: 0, cpuLoadAverage: [oneMinute, oneMinute, oneMinute] });
  load(9);
  room.add(jobOf('other'));
  room.add(jobOf('at her limit', idle));
  room.add(jobOf('for an idle one', { ...idle, owner: 'bob' }));
  await clock.advance(60_000);
  t.same(ids(), []);
  load(0);
  await clock.advance(5_000);
  t.same(ids(), ['for an idle one']);
  await end(0, { outcome: 'placed' });
  room.remove(sessionId('at her limit'));
  await clock.advance(60_000);
  t.equal(ids().length, 1);
});

t.test('whoever has waited too long is given up, the one who waited longest first, and so many at the same time', async (t) => {
  const { room, clock, givenUp, leaving } = setUp();
  for (let number = 0; number < 100; number += 1) room.add(jobOf(`s${number}`, {}, { deadline: 5_000 - number }));
  await clock.advance(4_901);
  t.same(givenUp, ['s99']);
  await clock.advance(99);
  t.same(
    givenUp,
    Array.from({ length: 100 }, (_, number) => `s${99 - number}`),
  );
  for (let number = 0; number < 100; number += 1) room.add(jobOf(`t${number}`, {}, { deadline: 6_000 }));
  await clock.advance(1_000);
  for (let round = 0; round < 10; round += 1) await turn();
  t.equal(givenUp.length, 200);
  t.equal(leaving.most, AT_ONCE);
});

t.test('a room that is closed does nothing more', async (t) => {
  const { room, clock, add, ids, givenUp } = setUp();
  room.stop();
  for (let number = 0; number < 1_500; number += 1) room.add(jobOf(`s${number}`, { requirements: `tag:n = ${number}` }));
  room.add(jobOf('patient', { requirements: 'server:Host.CpuLoadAverage.OneMinute < 1' }));
  room.add(jobOf('possible', {}, { deadline: 9_000_000 }));
  room.wake(add('a'));
  room.stop();
  await clock.advance(2_000_000);
  t.same([...ids(), ...givenUp], []);
});

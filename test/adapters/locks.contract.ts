/** What locks promise, wherever they are kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { type BrokerId, brokerId } from '../../domain/ids.ts';
import type { BreakableLocks, Hold, Lock } from '../../domain/ports/locks.ts';

export const [FIRST, SECOND] = ['first', '2-nd'].map(brokerId) as [BrokerId, BrokerId];

type Open = (t: Test) => Promise<readonly [BreakableLocks, BreakableLocks]>;

/** `open` gives the locks of the brokers FIRST and SECOND, which share them. */
export async function locksContract(t: Test, name: string, open: Open): Promise<void> {
  await t.test(`${name}: one holds a lock at a time, and others are told so`, async (t) => {
    const [first, second] = await open(t);
    const lock = await first.take('leader');
    t.ok(lock);
    t.equal(await second.take('leader'), undefined);
    t.equal(await first.take('leader'), undefined, 'not even its holder gets it twice');
    t.ok(await second.take('another'), 'another lock is free');
    t.equal(await state(lock), 'held');
  });

  await t.test(`${name}: what is released somebody else may take, and its holder knows`, async (t) => {
    const [first, second] = await open(t);
    for (let round = 0; round < 5; round += 1) {
      const lock = await first.take('leader');
      await lock?.release();
      t.equal(await state(lock), 'released');
      const next = await second.take('leader');
      t.ok(next, `round ${round}`);
      t.equal(await first.take('leader'), undefined);
      await next?.release();
    }
  });

  await t.test(`${name}: releasing twice, or what is over, harms nobody`, async (t) => {
    const [first, second] = await open(t);
    const lock = await first.take('leader');
    await lock?.release();
    const next = await second.take('leader');
    await lock?.release();
    t.equal(await state(next), 'held');
    t.equal(await first.take('leader'), undefined);
  });

  await t.test(`${name}: of ten who ask at once, one gets it`, async (t) => {
    const brokers = await open(t);
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => brokers[index % 2]?.take('leader')));
    t.equal(answers.filter((lock) => lock !== undefined).length, 1);
  });

  await t.test(`${name}: everybody can see who holds a lock, and since which taking`, async (t) => {
    const [first, second] = await open(t);
    t.equal(await second.holder('leader'), undefined, 'nobody has ever held it');
    const lock = await first.take('leader');
    const hold = await second.holder('leader');
    t.equal(hold?.broker, FIRST);
    t.same([first.holds(), second.holds()], [[hold?.id], []]);
    t.same(await first.holder('leader'), hold);
    await lock?.release();
    t.same([await second.holder('leader'), first.holds()], [undefined, []]);
    await second.take('leader');
    const next = await first.holder('leader');
    t.equal(next?.broker, SECOND);
    t.not(next?.id, hold?.id);
    t.same([first.holds(), second.holds()], [[], [next?.id]]);
  });

  await t.test(`${name}: a lock is broken by anybody, its holder learns of it, and one gets it afterwards`, async (t) => {
    const brokers = await open(t);
    const [first, second] = brokers;
    const lock = await first.take('leader');
    const another = await first.take('another');
    const hold = (await second.holder('leader')) as Hold;
    const broke = await Promise.all([1, 2, 3].map(() => second.break('leader', hold)));
    t.same(broke.sort(), [false, false, true]);
    t.equal(await lock?.over, 'broken');
    t.same(first.holds(), [(await second.holder('another'))?.id]);
    const taken = await Promise.all(Array.from({ length: 6 }, (_, index) => brokers[index % 2]?.take('leader')));
    const [next, ...others] = taken.filter((each) => each !== undefined);
    t.same(others, []);
    t.equal(await state(next), 'held');
    t.equal(await state(another), 'held', 'other locks stay');
    await lock?.release();
    t.equal(await state(next), 'held', 'its former holder cannot release it');
  });

  await t.test(`${name}: who comes too late to break a lock breaks nobody's`, async (t) => {
    const [first, second] = await open(t);
    const lock = await first.take('leader');
    const hold = (await second.holder('leader')) as Hold;
    await lock?.release();
    t.equal(await second.break('leader', hold), false);
    const next = await second.take('leader');
    t.equal(await first.break('leader', hold), false);
    t.equal(await state(next), 'held');
    t.equal(await first.break('never taken', hold), false);
  });
}

async function state(lock: Lock | undefined): Promise<string> {
  return Promise.race([lock?.over, sleep(50, 'held')]) as Promise<string>;
}

/** What locks promise, wherever they are kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Lock, Locks } from '../../domain/ports/locks.ts';

/** `open` gives the locks of several brokers that share them. */
export async function locksContract(t: Test, name: string, open: (t: Test) => Promise<readonly [Locks, Locks]>): Promise<void> {
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
      t.equal(await state(lock), 'over');
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
}

async function state(lock: Lock | undefined): Promise<string> {
  return Promise.race([lock?.over.then(() => 'over'), sleep(50, 'held')]) as Promise<string>;
}

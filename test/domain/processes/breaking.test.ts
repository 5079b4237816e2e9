/** Whose locks are broken, and whose are not. */
import t from 'tap';
import { createMemoryLocks } from '../../../adapters/memory/locks.ts';
import { type BrokerId, brokerId } from '../../../domain/ids.ts';
import type { Locks } from '../../../domain/ports/locks.ts';
import { createBreaking } from '../../../domain/processes/breaking.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

const [ANN, BEN, CLEO] = ['ann', 'ben', 'cleo'].map(brokerId) as [BrokerId, BrokerId, BrokerId];
const SILENT = new Error('It does not answer.');

/** Brokers that answer each other, unless they are in `silent`, for what they hold. */
function setUp() {
  const clock = createSimulatedClock();
  const locksOf = createMemoryLocks();
  const silent = new Set<BrokerId>();
  /** What a broker says of itself instead. */
  const says = new Map<BrokerId, readonly string[]>();
  const asked: BrokerId[] = [];
  const told: string[] = [];
  const broker = (self: BrokerId): Locks =>
    createBreaking({
      locks: locksOf(self),
      clock,
      self,
      async ask(other) {
        asked.push(other);
        await Promise.resolve();
        if (silent.has(other)) throw SILENT;
        return says.get(other) ?? locksOf(other).holds();
      },
      broke: (name, holder) => told.push(`${self} broke ${name} of ${holder}`),
      broken: (name) => told.push(`${self} lost ${name}`),
    });
  const locks = { ann: broker(ANN), ben: broker(BEN), cleo: broker(CLEO) };
  /** Somebody tries again and again; gives after how many seconds it had the lock. */
  async function tries(who: Locks, name: string, seconds: number): Promise<number | undefined> {
    for (let second = 0; second <= seconds; second += 1) {
      if ((await who.take(name)) !== undefined) return second;
      await clock.advance(1_000);
    }
    return undefined;
  }
  return { clock, silent, says, asked, told, locks, broker, tries, holderOf: locksOf(CLEO).holder };
}

t.test('who answers for its lock keeps it', async (t) => {
  const { locks, tries, asked, told } = setUp();
  const lock = await locks.ann.take('leader');
  t.equal(await tries(locks.ben, 'leader', 100), undefined);
  t.equal(asked.length, 101);
  await lock?.release();
  t.equal(await tries(locks.ben, 'leader', 0), 0);
  t.same(told, []);
});

t.test('who falls silent loses it after some seconds, and is told', async (t) => {
  const { locks, silent, tries, told } = setUp();
  const lock = await locks.ann.take('leader');
  await locks.ben.take('leader');
  silent.add(ANN);
  t.equal(await tries(locks.ben, 'leader', 100), 5);
  t.equal(await lock?.over, 'broken');
  t.same(told, ['ann lost leader', 'ben broke leader of ann']);
});

t.test('who says that it has no such lock loses it at once: its process is another one', async (t) => {
  const { locks, says, tries, told } = setUp();
  await locks.ann.take('leader');
  says.set(ANN, ['another hold']);
  t.equal(await tries(locks.ben, 'leader', 100), 0);
  t.same(told, ['ann lost leader', 'ben broke leader of ann']);
});

t.test('one failure after a long time says nothing: it may be the asker that stood still', async (t) => {
  const { clock, locks, silent, tries } = setUp();
  await locks.ann.take('leader');
  await locks.ben.take('leader');
  await clock.advance(600_000);
  silent.add(ANN);
  t.equal(await locks.ben.take('leader'), undefined);
  silent.delete(ANN);
  t.equal(await locks.ben.take('leader'), undefined, 'it answers again');
  silent.add(ANN);
  t.equal(await tries(locks.ben, 'leader', 100), 5);
});

t.test('many questions at a time are one', async (t) => {
  const { clock, locks, silent, asked } = setUp();
  for (const name of ['leader', 'one', 'two']) await locks.ann.take(name);
  await locks.ben.take('leader');
  await clock.advance(600_000);
  silent.add(ANN);
  const answers = await Promise.all(['leader', 'one', 'two'].map(locks.ben.take));
  t.same([answers, asked.length], [[undefined, undefined, undefined], 2]);
});

t.test('all that a silent broker stood by is broken, and nothing else', async (t) => {
  const { clock, locks, silent, tries } = setUp();
  await locks.ann.take('leader');
  await locks.ann.take('broker-ann');
  await locks.ben.take('leader');
  await locks.ann.take('new');
  silent.add(ANN);
  t.equal(await tries(locks.ben, 'leader', 100), 5);
  t.equal(await tries(locks.ben, 'broker-ann', 100), 0, 'which it never asked for before');
  t.equal(await tries(locks.ben, 'new', 100), undefined, 'nobody knows whether it is starting');
  silent.delete(ANN);
  await locks.ben.take('new');
  silent.add(ANN);
  await clock.advance(4_000);
  t.equal(await tries(locks.ben, 'new', 100), 1);
});

t.test('who was never heard from here is left to the log', async (t) => {
  const { locks, silent, tries } = setUp();
  silent.add(ANN);
  await locks.ann.take('leader');
  t.equal(await tries(locks.ben, 'leader', 100), undefined);
});

t.test('brokers that cannot hear each other do not pass a lock to and fro', async (t) => {
  const { locks, silent, tries, told, holderOf } = setUp();
  await locks.ann.take('leader');
  await locks.ben.take('leader');
  silent.add(ANN).add(BEN);
  t.equal(await tries(locks.ben, 'leader', 100), 5);
  t.equal(await tries(locks.ann, 'leader', 1_000), undefined);
  t.equal((await holderOf('leader'))?.broker, BEN);
  t.same(told, ['ann lost leader', 'ben broke leader of ann']);
});

t.test('who lost a lock in this way breaks it again after a while at the earliest, and takes it when it is free', async (t) => {
  const { locks, silent, tries } = setUp();
  await locks.ann.take('leader');
  await locks.ben.take('leader');
  silent.add(ANN);
  await tries(locks.ben, 'leader', 100);
  silent.delete(ANN);
  // In the same second it hears and loses the other one.
  const blinking = async (seconds: number): Promise<number | undefined> => {
    for (let second = 0; second < seconds; second += 1) {
      silent.delete(BEN);
      if ((await tries(locks.ann, 'leader', 0)) !== undefined) return second;
      silent.add(BEN);
      if ((await tries(locks.ann, 'leader', 6)) !== undefined) return second * 7;
    }
    return undefined;
  };
  const after = await blinking(100);
  t.ok(after !== undefined && after >= 50 && after < 80, `${after}`);
});

t.test('one that reaches nobody and is refused by nobody takes what is free', async (t) => {
  const { locks, silent, tries } = setUp();
  const lock = await locks.ann.take('leader');
  await locks.ben.take('leader');
  silent.add(ANN);
  await tries(locks.ben, 'leader', 100);
  t.equal(await lock?.over, 'broken');
  const again = await locks.ben.take('other');
  t.ok(again);
  await again?.release();
  t.equal(await tries(locks.ann, 'other', 0), 0);
});

t.test('a broker does not ask itself: what its former process left is left to the log', async (t) => {
  const { locks, broker, asked, tries } = setUp();
  await locks.ann.take('leader');
  t.equal(await tries(broker(ANN), 'leader', 100), undefined);
  t.same(asked, []);
});

t.test('of very many brokers, those heard last are remembered', async (t) => {
  const { locks, broker, silent, tries } = setUp();
  const many = Array.from({ length: 1_001 }, (_, index) => brokerId(`broker ${index}`));
  for (const id of many) {
    await broker(id).take(`of ${id}`);
    await locks.ben.take(`of ${id}`);
    silent.add(id);
  }
  t.equal(await tries(locks.ben, `of ${many[0]}`, 100), undefined);
  t.equal(await tries(locks.ben, `of ${many[1_000]}`, 100), 1);
});

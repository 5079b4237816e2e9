/**
 * A day in the life of a fleet: 100 servers and a broker through 24 simulated hours of users, failures, reboots, cut wires and dying brokers. Afterwards
 * nothing that was acknowledged is lost, nothing runs twice, and no slot is left behind. `BERTH_SEED=n` makes it another day.
 */
import t, { type Test } from 'tap';
import type { DaySettings, Lived } from './helpers/day.ts';
import { startHelper } from './helpers/helper-process.ts';
import { SEED } from './helpers/seed.ts';

/** A minute of work, and a slow machine takes several. */
t.setTimeout(600_000);

async function live(t: Test, settings: DaySettings, limits?: string): Promise<Lived> {
  const helper = startHelper(t, 'day', JSON.stringify(settings), limits);
  await helper.said((line) => line.startsWith('{'));
  return JSON.parse(helper.lines.at(-1) ?? '') as Lived;
}

t.test(`24 hours of 100 servers lose nothing (seed ${SEED})`, async (t) => {
  const { problems, digest, ...counts } = await live(t, { seed: SEED, servers: 100, hours: 24 });
  t.comment(JSON.stringify(counts));
  t.ok(counts.created > 1000, 'it was a busy day');
  t.same(problems, []);
});

t.test('the same seed is the same day, however many threads there are', async (t) => {
  const settings = { seed: SEED, servers: 10, hours: 1 };
  const [one, other] = await Promise.all([live(t, settings), live(t, settings, 'export UV_THREADPOOL_SIZE=1;')]);
  t.ok(one.facts > 100);
  t.equal(one.digest, other.digest);
});

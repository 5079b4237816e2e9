/**
 * The whole life of sessions and servers against a model: random clients, hosts, wires, disks and clocks, one or several brokers on a log, which die like
 * agents between any two steps, and an auditor who looks at everything that was told, recorded and is alive. `BERTH_RUNS=n` sets how many lives are
 * lived. One that ends badly is shortened and printed; `BERTH_SEED`, `BERTH_BROKERS` and `BERTH_PATH`, as printed with it, live it again.
 */
import t, { type Test } from 'tap';
import { startHelper } from './helpers/helper-process.ts';
import type { Ended, Lives } from './helpers/lives.ts';
import { SEED } from './helpers/seed.ts';

const path = process.env['BERTH_PATH'];
/** How many lives with how many brokers on one log. */
const PLANS = [
  { brokers: 1, runs: 1000 },
  { brokers: 2, runs: 100 },
  { brokers: 3, runs: 200 },
];
const brokers = process.env['BERTH_BROKERS'];

/** For a slow machine, and a failure that has to be shortened. */
t.setTimeout(1_200_000);

async function live(t: Test, lives: Lives, limits?: string): Promise<Ended> {
  const helper = startHelper(t, 'lives', JSON.stringify(lives), limits);
  await helper.said((line) => line.startsWith('{'));
  return JSON.parse(helper.lines.at(-1) ?? '') as Ended;
}

for (const plan of PLANS) {
  if (brokers !== undefined && brokers !== String(plan.brokers)) continue;
  const lives: Lives = { ...plan, runs: Number(process.env['BERTH_RUNS'] ?? plan.runs), seed: SEED, path };
  const many = path === undefined ? lives.runs : 'one of';
  t.test(`${many} lives end well with ${plan.brokers} at the log (seed ${lives.seed})`, async (t) => {
    const began = performance.now();
    const ended = await live(t, lives);
    t.comment(`${Math.round((performance.now() - began) / ended.lives)} ms a life; ${JSON.stringify(ended.facts)}`);
    if (ended.failure === undefined) {
      t.ok(ended.lives > 0, 'every life ended well');
      return;
    }
    const { problem, life, history, path } = ended.failure;
    const again = `BERTH_SEED=${lives.seed} BERTH_BROKERS=${plan.brokers} BERTH_PATH='${path}' lives it again`;
    t.fail(`life ${ended.lives} ended badly; ${again}`, { problem, life, history });
  });
}

t.test('the same seed lives the same lives, however many threads there are', async (t) => {
  const some = { runs: 40, seed: SEED, brokers: 2 };
  const [one, other] = await Promise.all([live(t, some), live(t, some, 'export UV_THREADPOOL_SIZE=1;')]);
  t.ok(one.lives > 0);
  t.equal(one.digest, other.digest);
});

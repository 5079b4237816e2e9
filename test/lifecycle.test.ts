/**
 * The whole life of sessions and servers against a model: random clients, hosts, wires, disks and clocks, brokers and agents that die between any two
 * steps, and an auditor who looks at everything that was told, recorded and is alive. `BERTH_RUNS=n` sets how many lives are lived. One that
 * ends badly is shortened and printed; `BERTH_SEED` and `BERTH_PATH`, as printed with it, live it again.
 */
import t from 'tap';
import { startHelper } from './helpers/helper-process.ts';
import type { Ended, Lives } from './helpers/lives.ts';

const lives: Lives = {
  runs: Number(process.env['BERTH_RUNS'] ?? 1000),
  seed: Number(process.env['BERTH_SEED'] ?? 1),
  path: process.env['BERTH_PATH'],
};

/** For a slow machine, and a failure that has to be shortened. */
t.setTimeout(1_200_000);

t.test(`${lives.path === undefined ? lives.runs : 'one of'} lives end well (seed ${lives.seed})`, async (t) => {
  const began = performance.now();
  const helper = startHelper(t, 'lives', JSON.stringify(lives));
  await helper.said((line) => line.startsWith('{'));
  const ended = JSON.parse(helper.lines.at(-1) ?? '') as Ended;
  t.comment(`${Math.round((performance.now() - began) / ended.lives)} ms a life; ${JSON.stringify(ended.facts)}`);
  if (ended.failure === undefined) {
    t.ok(ended.lives > 0, 'every life ended well');
    return;
  }
  const { problem, life, history, path } = ended.failure;
  t.fail(`life ${ended.lives} ended badly; BERTH_SEED=${lives.seed} BERTH_PATH='${path}' lives it again`, { problem, life, history });
});

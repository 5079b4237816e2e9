import t from 'tap';
import type { Child, Ending } from '../../../adapters/cli/children.ts';
import { keepRunning } from '../../../adapters/cli/restarting.ts';
import { createSimulatedClock, type SimulatedClock } from '../../helpers/simulated-clock.ts';

/** A process that lives for `lifeMs` of the simulated clock, or until it is stopped. */
function mortal(clock: SimulatedClock, lifeMs: number): Child {
  let end: (ending: Ending) => void = () => undefined;
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  clock.after(lifeMs, () => end('exit code 1'));
  return { ready: Promise.resolve(true), ended, stop: async () => end('exit code 0') };
}

t.test('a process that keeps ending is started again ever more slowly, up to a limit', async (t) => {
  const clock = createSimulatedClock();
  const delays: number[] = [];
  const kept = keepRunning(
    () => mortal(clock, 10),
    clock,
    (_, delayMs) => delays.push(delayMs),
  );
  await clock.advance(200_000);
  t.same(delays.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  await kept.stop(1000);
});

t.test('a process that ran well for a while is started again at once, as the first time', async (t) => {
  const clock = createSimulatedClock();
  const delays: number[] = [];
  const lives = [10, 10, 70_000, 10];
  const kept = keepRunning(
    () => mortal(clock, lives.shift() ?? 1_000_000),
    clock,
    (_, delayMs) => delays.push(delayMs),
  );
  await clock.advance(200_000);
  t.same(delays, [1000, 2000, 1000, 2000]);
  await kept.stop(1000);
});

t.test('nothing is started after the stop', async (t) => {
  const clock = createSimulatedClock();
  let starts = 0;
  const kept = keepRunning(
    () => {
      starts++;
      return mortal(clock, starts === 1 ? 10 : 1_000_000);
    },
    clock,
    () => undefined,
  );
  await clock.advance(500);
  await kept.stop(1000);
  await clock.advance(10_000);
  t.equal(starts, 1, 'stopped while it waited');

  const running = keepRunning(
    () => mortal(clock, 1_000_000),
    clock,
    () => t.fail('it ended by itself'),
  );
  await running.stop(1000);
});

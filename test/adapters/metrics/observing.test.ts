/** Whether a broker is ready, and what it says where it is not. */
import t from 'tap';
import { createMetrics } from '../../../adapters/metrics/metrics.ts';
import { observe } from '../../../adapters/metrics/observing.ts';
import { createFleet } from '../../../domain/placement/fleet.ts';
import type { Reader } from '../../../projections/database.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

function start() {
  const clock = createSimulatedClock(0);
  const stopping = new AbortController();
  const state = { isJoined: true, stands: true, known: 10, projected: 10 };
  const closers: (() => Promise<unknown>)[] = [];
  const core = { fleet: createFleet(), projected: () => state.projected, heard: () => state.projected, leads: () => true };
  const { notReady } = observe(
    {
      clock,
      stopping: stopping.signal,
      core,
      reader: undefined as unknown as Reader,
      connections: { count: () => 0 },
      known: () => state.known,
      stands: () => state.stands,
      isJoined: () => state.isJoined,
    },
    createMetrics(),
    (close) => closers.push(close),
  );
  t.teardown(() => Promise.all(closers.map((close) => close())));
  return { clock, stopping, state, notReady };
}

t.test('a broker is ready as long as nothing is amiss', async (t) => {
  t.same(start().notReady(), []);
});

t.test('each reason by itself is named', async (t) => {
  const { clock, state, notReady } = start();
  state.isJoined = false;
  t.same(notReady(), ['starting']);
  state.isJoined = true;
  state.stands = false;
  t.same(notReady(), ['log']);
  state.stands = true;
  state.known = 20;
  await clock.advance(10_000);
  t.same(notReady(), [], 'a little behind is no reason');
  await clock.advance(3_000);
  t.same(notReady(), ['read-models']);
  state.projected = 20;
  t.same(notReady(), []);
});

t.test('a broker that stops says so, beside what else is amiss', async (t) => {
  const { stopping, state, notReady } = start();
  stopping.abort();
  t.same(notReady(), ['stopping']);
  state.isJoined = false;
  state.stands = false;
  t.same(notReady(), ['starting', 'log', 'stopping']);
});

import t from 'tap';
import { createDcvWatch } from '../../agent/drivers/dcv-watch.ts';
import { createSimulatedClock } from '../helpers/simulated-clock.ts';

/** A server that takes its time, under a clock of its own. */
function setUp(tookMs: number) {
  const clock = createSimulatedClock();
  const it = { clock, sessions: [] as string[], looks: 0, atOnce: 0, most: 0, changes: 0 };
  const watching = createDcvWatch(async () => {
    it.looks += 1;
    it.atOnce += 1;
    it.most = Math.max(it.most, it.atOnce);
    await new Promise<void>((resolve) => clock.after(tookMs, resolve));
    it.atOnce -= 1;
    if (it.sessions.includes('broken')) throw new Error('it is broken');
    return [...it.sessions];
  }, clock);
  const count = (): void => {
    it.changes += 1;
  };
  return Object.assign(it, { watching, watch: () => watching.watch(count) });
}

t.test('at rest a look takes no more than a hundredth of the time, and comes every 2 to 10 s', async (t) => {
  for (const [tookMs, restMs] of [
    [1, 2000],
    [50, 5000],
    [5000, 10_000],
  ] as const) {
    const it = setUp(tookMs);
    it.watch();
    await it.clock.advance(2000 + tookMs);
    const [before, looks] = [it.looks, 20];
    await it.clock.advance(looks * (restMs + tookMs));
    t.equal(it.looks - before, looks, `${tookMs} ms`);
    t.equal(it.most, 1, 'never two at once');
    it.watching.watch(undefined);
  }
});

t.test('after something has happened the next looks come soon, for a while', async (t) => {
  const it = setUp(200);
  it.watch();
  await it.clock.advance(2200);
  it.sessions.push('a');
  await it.clock.advance(10_200);
  t.same([it.looks, it.changes], [2, 1]);
  await it.clock.advance(22_000);
  t.equal(it.looks, 12);
  await it.clock.advance(60_000);
  t.ok(it.looks <= 12 + 4 + 6);
  const before = it.looks;
  await it.clock.advance(100);
  it.watching.stir();
  await it.clock.advance(2200);
  t.equal(it.looks, before + 1, 'as soon as the driver changes something');
  t.equal(it.changes, 1);
});

t.test('that a server breaks down, and that it is back, are changes like others', async (t) => {
  const it = setUp(1);
  it.watch();
  await it.clock.advance(2100);
  it.sessions.push('broken');
  await it.clock.advance(2100);
  t.equal(it.changes, 1);
  await it.clock.advance(6100);
  t.equal(it.changes, 1);
  it.sessions.pop();
  await it.clock.advance(2100);
  t.equal(it.changes, 2);
});

t.test('somebody else’s look puts off the next one at rest', async (t) => {
  const it = setUp(200);
  it.watching.looked();
  it.watching.stir();
  t.equal(it.looks, 0, 'nobody watches yet');
  await it.clock.advance(40_000);
  it.watch();
  it.watch();
  await it.clock.advance(2200);
  for (let times = 0; times < 5; times += 1) {
    await it.clock.advance(9000);
    it.watching.looked();
  }
  t.equal(it.looks, 1);
  it.watching.stir();
  it.watching.looked();
  await it.clock.advance(2200);
  t.equal(it.looks, 2, 'but not while things happen');
});

t.test('after the end of the watch nothing is looked at', async (t) => {
  const it = setUp(200);
  it.watch();
  await it.clock.advance(2100);
  it.sessions.push('a');
  it.watching.watch(undefined);
  await it.clock.advance(60_000);
  t.same([it.looks, it.changes], [1, 0]);
  it.watching.watch(undefined);
  it.watch();
  await it.clock.advance(2200);
  t.same([it.looks, it.changes], [2, 0], 'what happened before the watch is nothing new');
});

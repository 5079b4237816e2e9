import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { systemClock, systemRandom } from '../../adapters/system.ts';

t.test('the clock tells the time of the system', async (t) => {
  t.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});

t.test('a timer fires once, after its delay', async (t) => {
  const startedAt = performance.now();
  let fired = 0;
  const holdOpen = setTimeout(() => {}, 10_000);
  await new Promise<void>((resolve) => {
    systemClock.after(30, () => {
      fired++;
      resolve();
    });
  });
  clearTimeout(holdOpen);
  t.equal(fired, 1);
  t.ok(performance.now() - startedAt >= 29);
});

t.test('a timer that is called off does not fire', async (t) => {
  const timer = systemClock.after(5, () => t.fail('it fired'));
  timer.cancel();
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.pass('nothing happened');
});

t.test('a pending timer keeps no process alive', async (t) => {
  const system = fileURLToPath(new URL('../../adapters/system.js', import.meta.url));
  const script = `import('${system}').then(({ systemClock }) => { systemClock.after(60_000, () => {}); });`;
  const { status, signal } = spawnSync(process.execPath, ['-e', script], { timeout: 20_000 });
  t.same({ status, signal }, { status: 0, signal: null });
});

t.test('a delay longer than a timer of Node can count is waited for in steps', async (t) => {
  const delays: number[] = [];
  const real = globalThis.setTimeout;
  t.teardown(() => {
    globalThis.setTimeout = real;
  });
  // The steps are weeks long, so each is shortened here to nothing; what the clock asked for is written down.
  globalThis.setTimeout = ((action: () => void, delay: number) => {
    delays.push(delay);
    return real(action, 0);
  }) as typeof setTimeout;
  const holdOpen = real(() => {}, 10_000);
  await new Promise<void>((resolve) => systemClock.after(2 ** 31 + 9, resolve));
  clearTimeout(holdOpen);
  t.same(delays, [2 ** 31 - 1, 10]);
});

t.test('randomness gives fractions and UUIDs', async (t) => {
  t.match(systemRandom.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.not(systemRandom.uuid(), systemRandom.uuid());
  const fraction = systemRandom.fraction();
  t.ok(fraction >= 0 && fraction < 1);
});

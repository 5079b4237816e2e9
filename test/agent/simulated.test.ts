import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode as decodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import t from 'tap';
import type { SessionWish } from '../../agent/drivers/driver.ts';
import { drawPicture } from '../../agent/drivers/picture.ts';
import { createSimulatedDriver, type SimulatedDriver, type SimulatedSettings } from '../../agent/drivers/simulated.ts';
import { createFileShelf, createMemoryShelf, type SessionShelf } from '../../agent/drivers/simulated-sessions.ts';
import { newFolder } from '../helpers/real-agent.ts';
import { HOST } from '../helpers/simulated-agent.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock } from '../helpers/simulated-clock.ts';

const host = async (
  changes: Partial<SimulatedSettings> = {},
  shelf: SessionShelf = createMemoryShelf(),
): Promise<{ driver: SimulatedDriver; clock: SimulatedClock }> => {
  const clock = createSimulatedClock();
  const settings = { ...HOST, latencyMs: { min: 0, max: 0 }, ...changes };
  return { clock, driver: await createSimulatedDriver(settings, { shelf, clock, random: createSeededRandom(5) }) };
};

const wish = (localId: string, spec: Partial<SessionWish['spec']> = {}): SessionWish => ({
  localId,
  spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', ...spec },
});

t.test('sessions outlive the process, as on a real host', async (t) => {
  const path = join(await newFolder(), 'sessions.json');
  const { driver } = await host({}, createFileShelf(path));
  await Promise.all(['a', 'b', 'c'].map((id) => driver.create(wish(id, { storageRoot: '%home%', permissionsFile: 'AAAA' }))));
  await driver.close('b');
  t.same(await driver.close('never there'), { done: true });
  const { driver: after } = await host({}, createFileShelf(path));
  t.match(await after.list(), [{ localId: 'a', storageRoot: '%home%', connections: 0 }, { localId: 'c' }]);
  t.notOk((await after.list()).some((session) => 'permissionsFile' in session));
  t.equal(after.permissionsOf('a'), 'AAAA');
  await writeFile(path, '[{"localId":1}]');
  await t.rejects(host({}, createFileShelf(path)));
});

t.test('a shelf that could not be written once is written the next time', async (t) => {
  const folder = await newFolder();
  const shelf = createFileShelf(join(folder, 'later', 'sessions.json'));
  await t.rejects(shelf.save([]), { code: 'ENOENT' });
  await mkdir(join(folder, 'later'));
  await shelf.save([]);
  t.same(await shelf.load(), []);
});

t.test('a host refuses what it cannot hold, in the words of a DCV server', async (t) => {
  const { driver } = await host({ capacity: 1 });
  t.match(await driver.create(wish('a', { owner: 'nobody-here' })), { failed: /Specified user is not a local user/ });
  t.same(await driver.create(wish('a')), { done: true });
  t.match(await driver.create(wish('a')), { failed: /already exists/ });
  t.match(await driver.create(wish('b')), { failed: /no more virtual sessions/ });
  t.same(await driver.create(wish('c', { sessionType: 'CONSOLE' })), { done: true });
  t.match(await driver.create(wish('d', { sessionType: 'CONSOLE' })), { failed: /console session already/ });
  const { driver: windows } = await host({ osFamily: 'windows' });
  t.match(await windows.create(wish('a')), { failed: /not supported on this system/ });
  await windows.addByHand({ localId: 'console', owner: 'eve' });
  t.match(await windows.list(), [{ sessionType: 'CONSOLE' }]);
  t.match(await windows.create(wish('b', { sessionType: 'CONSOLE' })), { failed: /console session already/ });
});

t.test('creations take their time and fail as often as they are told to', async (t) => {
  const { driver, clock } = await host({ latencyMs: { min: 100, max: 200 }, failureRate: 0.5 });
  let settled = 0;
  const all = Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const outcome = await driver.create(wish(`s${index}`));
      settled += 1;
      return outcome;
    }),
  );
  await clock.advance(99);
  t.equal(settled, 0);
  await clock.advance(101);
  const failures = (await all).filter((outcome) => 'failed' in outcome).length;
  t.ok(failures > 30 && failures < 70, `${failures} of 100`);
  const { memoryUsedBytes, cpuLoadAverage } = await driver.telemetry();
  t.ok(memoryUsedBytes > 0.1 * HOST.memoryBytes && memoryUsedBytes <= HOST.memoryBytes);
  t.ok(cpuLoadAverage[0] <= HOST.cpus);
});

t.test('a picture fits into its bounds with its proportions kept', async (t) => {
  const bounds = { title: 'Desk 1', subtitle: 'ann on host-1' };
  const sizeOf = (maxWidth: number, maxHeight: number): number[] => {
    const { width, height } = decodePng(drawPicture({ ...bounds, maxWidth, maxHeight, format: 'png' }));
    return [width, height];
  };
  t.same(sizeOf(160, 100), [160, 100]);
  t.same(sizeOf(1000, 100), [160, 100]);
  t.same(sizeOf(80, 1000), [80, 50]);
  t.same(sizeOf(5000, 5000), [1280, 800]);
  t.same(sizeOf(1, 1), [1, 1]);
  const { width, height } = jpeg.decode(drawPicture({ ...bounds, maxWidth: 320, maxHeight: 320, format: 'jpeg' }));
  t.same([width, height], [320, 200]);
});

t.test('the name of a session can be read in its picture', async (t) => {
  const drawn = (title: string): Uint8Array => drawPicture({ title, subtitle: '', maxWidth: 1280, maxHeight: 800, format: 'png' });
  const { data } = decodePng(drawn('T'));
  const isDark = (x: number, y: number): boolean => Number(data[(y * 1280 + x) * 4]) < 100;
  // One letter is 18 desktop pixels a dot: a bar on top, a stem below its middle.
  t.ok([125, 145, 165].every((x) => isDark(x, 265)));
  t.same(
    [125, 145, 165].map((x) => isDark(x, 320)),
    [false, true, false],
  );
  const text = (title: string): string => Buffer.from(drawn(title)).toString('base64');
  t.not(text('desk-1'), text('desk-2'));
  t.equal(text('desk-1'), text('desk-1'));
});

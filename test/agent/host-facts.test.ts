import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { describeServer } from '../../agent/description.ts';
import { createSimulatedDriver } from '../../agent/drivers/simulated.ts';
import { createMemoryShelf } from '../../agent/drivers/simulated-sessions.ts';
import { keptServerId, newServerId } from '../../agent/identity.ts';
import { createSeededFraction } from '../../agent/seeded.ts';
import { readTags } from '../../agent/tags.ts';
import { messageOf } from '../../agent/thrown.ts';
import { newFolder, recordingLogger } from '../helpers/real-agent.ts';
import { HOST } from '../helpers/simulated-agent.ts';
import { createSeededRandom, createSimulatedClock } from '../helpers/simulated-clock.ts';

const BUILT_IN = { osFamily: 'linux', maxVirtualSessions: 4, maxSessionsPerOwner: 1 };

t.test('a server keeps its id', async (t) => {
  const folder = await newFolder();
  const random = createSeededRandom(1);
  const made = await keptServerId(folder, 'host-1', random);
  t.equal(await keptServerId(folder, 'host-2', random), made);
  t.equal((await stat(join(folder, 'server-id'))).mode & 0o777, 0o600);
  await writeFile(join(folder, 'server-id'), '\n');
  t.not(await keptServerId(folder, 'host-1', random), made, 'an empty file counts for none');
});

t.test('a server id is base64 of the host name and a UUID, without filling', async (t) => {
  for (const name of ['a', 'ab', 'abc', 'höst', 'x'.repeat(300)]) {
    const id = newServerId(name, createSeededRandom(1));
    t.match(id, /^[A-Za-z0-9+/]+$/);
    t.match(Buffer.from(id, 'base64').toString(), /^[\x21-\x7e]{1,255}:[0-9a-f-]{36}-{0,2}$/);
    t.ok(id.length <= 512);
  }
});

t.test('tags come from all files in alphabetical order, and the last value wins', async (t) => {
  const folder = await newFolder();
  const log = recordingLogger();
  await writeFile(join(folder, 'b.toml'), 'team = "design"\nram_gb = 4\n"dcv:os-family" = "beos"\n');
  await writeFile(join(folder, 'a.toml'), 'team = "first"\nfast = true\n');
  await writeFile(join(folder, 'ignored.txt'), 'x = "y"');
  t.same(await readTags([folder, '/no/such/folder'], BUILT_IN, log), [
    { key: 'dcv:max-concurrent-sessions-per-user', value: '1' },
    { key: 'dcv:max-virtual-sessions', value: '4' },
    { key: 'dcv:os-family', value: 'linux' },
    { key: 'fast', value: 'true' },
    { key: 'ram_gb', value: '4' },
    { key: 'team', value: 'design' },
  ]);
  t.same(log.lines, []);
});

t.test('what cannot be a tag is passed over and logged, and the rest stays', async (t) => {
  const folder = await newFolder();
  const log = recordingLogger();
  await writeFile(join(folder, 'a.toml'), `good = "yes"\nlist = [1]\nday = 2026-01-01\n"" = "x"\nlong = "${'x'.repeat(2000)}"\n`);
  await writeFile(join(folder, 'b.toml'), 'not toml');
  await mkdir(join(folder, 'c.toml'));
  await writeFile(join(folder, 'd.toml'), Array.from({ length: 450 }, (_, index) => `t${index} = "x"`).join('\n'));
  const tags = await readTags([folder], BUILT_IN, log);
  t.equal(tags.length, 403);
  t.ok(tags.some(({ key, value }) => key === 'good' && value === 'yes'));
  t.notOk(tags.some(({ key }) => ['list', 'day', '', 'long'].includes(key)));
  t.equal(log.lines.filter(({ fields }) => 'key' in fields).length, 51);
  t.equal(log.lines.filter(({ fields }) => !('key' in fields)).length, 3);
});

t.test('a server describes its host, its limits and its tags', async (t) => {
  const settings = { tagsFolders: [], maxVirtualSessions: -1, maxSessionsPerUser: 2 };
  const deps = { shelf: createMemoryShelf(), clock: createSimulatedClock(), random: createSeededRandom(1) };
  const windows = await createSimulatedDriver({ ...HOST, osFamily: 'windows', gpus: 1, awsInstanceId: 'i-1', hostname: 'a.example' }, deps);
  const described = await describeServer(windows, settings, recordingLogger());
  t.match(described, { maxVirtualSessions: 0, maxSessionsPerOwner: 2, gpus: [{ vendor: 'NVIDIA' }], aws: { instanceId: 'i-1' } });
  t.match(described, { defaultDnsName: 'a.example', os: { family: 'windows' }, ip: /^10\.\d+\.\d+\.\d+$/ });
  t.ok(described.tags.some(({ key, value }) => key === 'dcv:max-virtual-sessions' && value === '0'));
  const linux = await createSimulatedDriver({ ...HOST, ip: '10.1.2.3' }, deps);
  t.match(await describeServer(linux, settings, recordingLogger()), { maxVirtualSessions: -1, ip: '10.1.2.3', aws: undefined });
});

t.test('the same seed gives the same chance', async (t) => {
  const draw = (seed: number): number[] => Array.from({ length: 5 }, createSeededFraction(seed));
  t.same(draw(1), draw(1));
  t.notSame(draw(1), draw(2));
  t.ok(draw(3).every((fraction) => fraction >= 0 && fraction < 1));
});

t.test('whatever is thrown becomes text', async (t) => {
  t.equal(messageOf(new Error('x')), 'x');
  t.equal(messageOf('y'), 'y');
  t.match(await readFile(new URL(import.meta.url), 'utf8'), 'host-1');
});

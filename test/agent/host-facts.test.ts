import { readFile } from 'node:fs/promises';
import t from 'tap';
import { describeServer } from '../../agent/description.ts';
import { createSimulatedDriver } from '../../agent/drivers/simulated.ts';
import { createMemoryShelf } from '../../agent/drivers/simulated-sessions.ts';
import { newServerId } from '../../agent/identity.ts';
import { createSeededFraction } from '../../agent/seeded.ts';
import { createTagReader } from '../../agent/tags.ts';
import { messageOf } from '../../agent/thrown.ts';
import { recordingLogger } from '../helpers/real-agent.ts';
import { HOST } from '../helpers/simulated-agent.ts';
import { createSeededRandom, createSimulatedClock } from '../helpers/simulated-clock.ts';

t.test('a server id is base64 of the host name and a UUID, without filling', async (t) => {
  for (const name of ['a', 'ab', 'abc', 'höst', 'x'.repeat(300)]) {
    const id = newServerId(name, createSeededRandom(1));
    t.match(id, /^[A-Za-z0-9+/]+$/);
    t.match(Buffer.from(id, 'base64').toString(), /^[\x21-\x7e]{1,255}:[0-9a-f-]{36}-{0,2}$/);
    t.ok(id.length <= 512);
  }
});

t.test('a server describes its host, its limits and its tags', async (t) => {
  const settings = { maxVirtualSessions: -1, maxSessionsPerUser: 2 };
  const readTags = createTagReader([], recordingLogger());
  const deps = { shelf: createMemoryShelf(), clock: createSimulatedClock(), random: createSeededRandom(1) };
  const windows = await createSimulatedDriver({ ...HOST, osFamily: 'windows', gpus: 1, awsInstanceId: 'i-1', hostname: 'a.example' }, deps);
  const described = await describeServer(windows, settings, readTags);
  t.match(described, { maxVirtualSessions: 0, maxSessionsPerOwner: 2, gpus: [{ vendor: 'NVIDIA' }], aws: { instanceId: 'i-1' } });
  t.match(described, { defaultDnsName: 'a.example', os: { family: 'windows' }, ip: /^10\.\d+\.\d+\.\d+$/ });
  t.ok(described.tags.some(({ key, value }) => key === 'dcv:max-virtual-sessions' && value === '0'));
  const linux = await createSimulatedDriver({ ...HOST, ip: '10.1.2.3' }, deps);
  t.match(await describeServer(linux, settings, readTags), { maxVirtualSessions: -1, ip: '10.1.2.3', aws: undefined });
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

import t from 'tap';
import { systemClock } from '../../../adapters/system.ts';
import { createInstanceMetadata } from '../../../agent/host-facts/instance-metadata.ts';
import { startMetadataService } from '../../helpers/instance-metadata.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';
import { until } from '../../helpers/until.ts';

const INSTANCE = {
  region: 'eu-west-1',
  instanceType: 'g5.xlarge',
  instanceId: 'i-0123',
  imageId: 'ami-1',
  localHostname: 'ip-10-0-0-4.eu-west-1.compute.internal',
};

t.test('an instance is asked with a token, once', async (t) => {
  const service = await startMetadataService(t);
  process.env['http_proxy'] = 'http://127.0.0.1:1';
  t.teardown(() => delete process.env['http_proxy']);
  const metadata = createInstanceMetadata(service.url, systemClock);
  const answers = await Promise.all([metadata.instance(), metadata.instance()]);
  t.same([...answers, await metadata.instance()], [INSTANCE, INSTANCE, INSTANCE]);
  t.equal(service.asked[0], 'PUT /latest/api/token');
  t.equal(service.asked.length, 3);
});

t.test('off EC2 it is found out once, and looked at again behind everybody, more and more seldom', async (t) => {
  const service = await startMetadataService(t);
  service.behave('no instance');
  const clock = createSimulatedClock();
  const metadata = createInstanceMetadata(service.url, clock);
  t.equal(await metadata.instance(), undefined);
  t.equal(await metadata.instance(), undefined);
  t.equal(service.asked.length, 1);
  await clock.advance(30_000);
  t.equal(await metadata.instance(), undefined, 'nobody waits for the second look');
  await until('it has looked again', () => service.asked.length === 2);
  service.behave('right');
  await clock.advance(30_000);
  t.equal(await metadata.instance(), undefined);
  t.equal(service.asked.length, 2, 'the second pause is longer');
  await clock.advance(30_000);
  await metadata.instance();
  let found: object | undefined;
  await until('an instance that was slow to start is known at last', () => {
    void metadata.instance().then((instance) => {
      found = instance;
    });
    return found;
  });
  t.same(found, INSTANCE);
});

t.test('a service that is silent, absent, or says nonsense costs a moment and no more', async (t) => {
  const service = await startMetadataService(t);
  for (const behaviour of ['silent', 'nonsense'] as const) {
    service.behave(behaviour);
    const began = performance.now();
    t.equal(await createInstanceMetadata(service.url, systemClock).instance(), undefined);
    t.ok(performance.now() - began < 10_000, behaviour);
  }
  t.equal(await createInstanceMetadata('http://127.0.0.1:1', systemClock).instance(), undefined);
});

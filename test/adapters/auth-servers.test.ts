/** Authorization servers elsewhere, without the channel of administrators. */
import t from 'tap';
import { createAuthServers } from '../../adapters/auth-servers.ts';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { createTrustedServers } from '../../domain/auth-server/trusted.ts';
import { ORIGIN } from '../helpers/samples.ts';

t.test('there are twenty at most, and one of them can be changed all the same', async (t) => {
  const trusted = createTrustedServers();
  const servers = createAuthServers({ log: openMemoryEventLog(), clock: systemClock, random: systemRandom }, trusted);
  const register = (number: number, issuer = 'https://a') => servers.register({ url: `https://a/${number}`, issuer }, ORIGIN);
  for (let number = 1; number <= 20; number += 1) t.equal(await register(number), undefined);
  t.match(await register(21), { code: 'TOO_MANY' });
  t.equal(await register(20, 'https://b'), undefined);
  t.same(trusted.of('https://b'), [{ url: 'https://a/20', issuer: 'https://b' }]);
  t.ok(await servers.unregister('https://a/1', ORIGIN));
  t.notOk(await servers.unregister('https://a/1', ORIGIN));
  t.equal(await register(21), undefined);
  t.equal(servers.list().length, 20);
});

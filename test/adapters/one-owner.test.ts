/** The operations for one owner by themselves: servers are not there for it, even for whoever gets past the door. */
import t from 'tap';
import { applicationOf, pastOf } from '../../adapters/one-owner.ts';
import { systemRandom } from '../../adapters/system.ts';
import type { ServerView } from '../../projections/views.ts';
import { createMemoryApplication } from '../helpers/memory-application.ts';
import { description, ORIGIN } from '../helpers/samples.ts';

t.test('there are no servers for a client of one owner, now or in the past', async (t) => {
  const all = createMemoryApplication({ clock: { now: () => 0 }, random: systemRandom });
  const view: ServerView = { id: 'A', description: description(), loggedInUsers: [], consoleSessions: 0, virtualSessions: 0 };
  all.addServer(view);
  const its = applicationOf('ann', all);
  t.same(await its.describeServers({ limit: 10 }), { items: [] });
  t.equal(await its.serverHistory('A', 10), undefined);
  const refused = [{ rejected: { code: 'DCV_SERVER_NOT_FOUND' } }];
  t.match(await its.openServers([{ serverId: 'A' }], ORIGIN), refused);
  t.match(await its.closeServers([{ serverId: 'A', force: true }], ORIGIN), refused);
  t.match(
    await all.describeServers({ limit: 10 }),
    { items: [{ id: 'A', unavailabilityReason: undefined }] },
    'and nothing was done to it',
  );
  t.same(await pastOf('ann', { asOf: (_, work) => work(all) }).asOf({ time: 0 }, (reads) => reads.describeServers({ limit: 10 })), {
    items: [],
  });
});

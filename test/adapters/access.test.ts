/** Credentials on a log that other brokers write to as well: what they gave out is good here before its fact has come. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { createAccess } from '../../adapters/access.ts';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { createPasswords } from '../../adapters/passwords.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { createRegistry } from '../../domain/access/registry.ts';
import { streamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { newFact } from '../helpers/new-facts.ts';
import { ORIGIN } from '../helpers/samples.ts';

function setUp(isShared = true) {
  const reads: string[] = [];
  const memory = openMemoryEventLog();
  const log: EventLog = {
    ...memory,
    isShared,
    readStream: (stream, ...range) => {
      reads.push(stream);
      return memory.readStream(stream, ...range);
    },
  };
  const passwords = createPasswords();
  const broker = () => createAccess({ log, clock: systemClock, random: systemRandom, registry: createRegistry(), passwords });
  return { log, reads, one: broker(), two: broker() };
}

t.test('a credential is good at every broker from the moment it was given out', async (t) => {
  const { one, two, reads } = setUp();
  const client = await one.registerApiClient('console', ORIGIN);
  t.ok(await two.authenticateApiClient(client.id, client.secret));
  t.notOk(await two.authenticateApiClient(client.id, 'wrong'));
  t.ok(await two.isActive('api-client', client.id));
  const { secret } = await one.issueSoftwareStatement(ORIGIN);
  const agent = await one.enrolAgent('host-1', secret);
  t.ok(await two.authenticateAgent(String(agent?.clientId), String(agent?.clientSecret)));
  t.notOk(await two.isActive('api-client', String(agent?.clientId)), 'of its own kind only');
  const before = reads.length;
  t.ok(await one.isActive('api-client', client.id));
  t.equal(reads.length, before, 'who knows it does not look');
});

t.test('how far a client may go is known at every broker from the moment it was registered', async (t) => {
  const { one, two } = setUp();
  const reach = { scopes: ['sessions:read'], owner: 'ann' } as const;
  const { id } = await one.registerApiClient('console', ORIGIN, reach);
  for (const broker of [one, two]) t.same(await broker.reachOf(id), reach);
  await one.revoke('api-client', id, ORIGIN);
  for (const broker of [one, two]) t.equal(await broker.reachOf(id), undefined);
});

t.test('a credential that was taken back is good nowhere', async (t) => {
  const { one, two, log } = setUp();
  const { id, secret } = await one.registerApiClient('console', ORIGIN);
  await log.append(streamName('api-client', id), 0, [{ ...newFact(), type: 'api-client.unregistered' }]);
  t.notOk(await two.authenticateApiClient(id, secret));
  t.notOk(await two.isActive('api-client', id));
});

t.test('what cannot be a credential is not looked for, and nothing is by a broker that is alone', async (t) => {
  const shared = setUp();
  for (const id of ['', 'nobody', '../..', `${randomUUID()} `]) t.notOk(await shared.one.isActive('api-client', id));
  t.same(shared.reads, []);
  t.notOk(await shared.one.isActive('api-client', randomUUID()));
  t.equal(shared.reads.length, 1);
  const alone = setUp(false);
  t.notOk(await alone.one.authenticateAgent(randomUUID(), 'secret'));
  t.same(alone.reads, []);
});

t.test('a hundred are looked for at a time, and more have to come again', async (t) => {
  const { one } = setUp();
  const looks = Array.from({ length: 101 }, () => one.isActive('agent-client', randomUUID()));
  const outcomes = await Promise.allSettled(looks);
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 100);
  t.match(outcomes.at(-1), { status: 'rejected', reason: { name: 'LogBusyError' } });
  t.equal(await one.isActive('agent-client', randomUUID()), false);
});

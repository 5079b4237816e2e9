import { EventStoreDBClient } from '@eventstore/db-client';
import t from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import type { Locks } from '../../../domain/ports/locks.ts';
import { startStandIn } from '../../eventstore-stand-in/stand-in.ts';
import { freshPrefix, startEventStore } from '../../helpers/event-store.ts';
import { pause } from '../../helpers/until.ts';
import { FIRST, locksContract, SECOND } from '../locks.contract.ts';

const store = await startEventStore(t);

await locksContract(t, 'locks in EventStoreDB', async (t) => {
  const streamPrefix = freshPrefix();
  const [first, second] = await Promise.all([FIRST, SECOND].map((broker) => openEventStoreLog(store.url, { streamPrefix, broker })));
  if (first === undefined || second === undefined) throw new Error('There are two.');
  t.teardown(() => Promise.all([first.close(), second.close()]));
  return [first.locks, second.locks];
});

t.test('a lock is over when the server goes away, and free when it is back', async (t) => {
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  const log = await openEventStoreLog(standIn.url);
  t.teardown(() => log.close());
  const lock = await log.locks.take('leader');
  await standIn.stop();
  t.equal(await lock?.over, 'lost');
  await lock?.release();
  const away = { name: 'LogFault', message: /^The (holder of the )?lock "leader" could not be .*: the server cannot be/ };
  await t.rejects(log.locks.holder('leader'), away);
  await t.rejects(log.locks.break('leader', { broker: FIRST, id: '1' }), away);
  await t.rejects(log.locks.take('leader'), {
    name: 'LogFault',
    message: /^The lock "leader" could not be asked for: the server cannot be/,
  });
  await standIn.start();
  const again = await takeAtLast(log.locks);
  t.ok(again);
  await standIn.stop();
  await again?.release();
});

t.test('a lock whose group is deleted is over', async (t) => {
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  const log = await openEventStoreLog(standIn.url);
  t.teardown(() => log.close());
  const lock = await log.locks.take('leader');
  const operator = EventStoreDBClient.connectionString(standIn.url);
  t.teardown(() => operator.dispose());
  await operator.deletePersistentSubscriptionToStream('lock-leader', 'berth');
  t.equal(await lock?.over, 'broken');
  t.ok(await log.locks.take('leader'), 'the group is made again');
});

t.test('who holds a lock without saying who it is, as in earlier versions, cannot be told', async (t) => {
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  const log = await openEventStoreLog(standIn.url);
  t.teardown(() => log.close());
  await (await log.locks.take('leader'))?.release();
  const former = EventStoreDBClient.connectionString(`${standIn.url}&connectionName=berth-lock-00000000-0000-4000-8000-000000000000`);
  t.teardown(() => former.dispose());
  const consumer = former.subscribeToPersistentSubscriptionToStream('lock-leader', 'berth');
  consumer.on('data', () => undefined).on('error', () => undefined);
  await new Promise((resolve) => consumer.once('confirmation', resolve));
  t.equal(await log.locks.take('leader'), undefined);
  t.equal(await log.locks.holder('leader'), undefined);
});

t.test('an attempt that the server does not answer ends, and does not get the lock later', async (t) => {
  const standIn = await startStandIn();
  t.teardown(() => standIn.stop());
  const log = await openEventStoreLog(standIn.url, { callMs: 700 });
  t.teardown(() => log.close());
  await (await log.locks.take('leader'))?.release();
  const unanswered = { name: 'LogFault', message: /could not be asked for: The server has not answered for 0\.7 s\.$/ };
  standIn.faults.silentGroups = true;
  for (let round = 0; round < 3; round += 1) await t.rejects(log.locks.take('leader'), unanswered);
  standIn.faults.silentGroups = false;
  const lock = await takeAtLast(log.locks);
  t.ok(lock, 'nobody has it');
  await standIn.stop();
});

t.test('closing the log releases its locks, and gives out no more', async (t) => {
  const streamPrefix = freshPrefix();
  const [first, second] = await Promise.all([1, 2].map(() => openEventStoreLog(store.url, { streamPrefix })));
  const lock = await first?.locks.take('leader');
  await first?.close();
  await lock?.over;
  t.ok(await second?.locks.take('leader'));
  await t.rejects(Promise.resolve(first?.locks.take('leader')), { name: 'LogFault', message: 'The log is closed.' });
  await second?.close();
});

async function takeAtLast(locks: Locks) {
  for (;;) {
    const lock = await locks.take('leader').catch(() => undefined);
    if (lock !== undefined) return lock;
    await pause(10);
  }
}

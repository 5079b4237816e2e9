import t from 'tap';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { freshPrefix, startEventStore } from '../../helpers/event-store.ts';
import { locksContract } from '../locks.contract.ts';

const store = await startEventStore(t);

await locksContract(t, 'locks in EventStoreDB', async (t) => {
  const streamPrefix = freshPrefix();
  const [first, second] = await Promise.all([1, 2].map(() => openEventStoreLog(store.url, { streamPrefix })));
  if (first === undefined || second === undefined) throw new Error('There are two.');
  t.teardown(() => Promise.all([first.close(), second.close()]));
  return [first.locks, second.locks];
});

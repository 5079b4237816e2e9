import t, { type Test } from 'tap';
import { type EventStoreLogOptions, openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { freshPrefix, startEventStore } from '../../helpers/event-store.ts';
import { eventLogContract, type OpenLog } from '../event-log.contract.ts';

const store = await startEventStore(t);

/** Each test has a log of its own: others share the server with it. */
async function openLog(t: Test, options?: EventStoreLogOptions): Promise<OpenLog> {
  const streamPrefix = freshPrefix();
  let log = await openEventStoreLog(store.url, { ...options, streamPrefix });
  t.teardown(() => log.close());
  return {
    log,
    async reopen() {
      await log.close();
      log = await openEventStoreLog(store.url, { ...options, streamPrefix });
      return log;
    },
  };
}

await eventLogContract(t, 'the log in EventStoreDB', (t) => openLog(t));
await eventLogContract(t, 'the log in EventStoreDB, with next to nothing in memory', (t) => openLog(t, { recentFacts: 3 }));

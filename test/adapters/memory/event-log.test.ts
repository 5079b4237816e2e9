import t from 'tap';
import { createMemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { LOG_START, NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { eventLogContract } from '../event-log.contract.ts';

await eventLogContract(t, 'the log in memory', async (t) => {
  const store = createMemoryStore();
  let log = openMemoryEventLog(store);
  t.teardown(() => log.close());
  return {
    log,
    async reopen() {
      await log.close();
      log = openMemoryEventLog(store);
      return log;
    },
  };
});

t.test('positions in memory are not a count', async (t) => {
  const log = openMemoryEventLog();
  await log.append(streamName('desk', '1'), NO_STREAM, newFacts(3));
  const [first, second] = await log.readAll(LOG_START, 2);
  t.ok(Number(second?.position) > Number(first?.position) + 1);
});

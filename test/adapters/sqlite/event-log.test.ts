import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSqliteEventLog, type SqliteEventLogOptions } from '../../../adapters/sqlite/event-log.ts';
import { eventLogContract, type OpenLog } from '../event-log.contract.ts';

async function openLog(t: Test, options?: SqliteEventLogOptions): Promise<OpenLog> {
  const file = join(t.testdir(), 'log.db');
  let log = await openSqliteEventLog(file, options);
  t.teardown(() => log.close());
  return {
    log,
    async reopen() {
      await log.close();
      log = await openSqliteEventLog(file, options);
      return log;
    },
  };
}

await eventLogContract(t, 'the log in SQLite', (t) => openLog(t));
await eventLogContract(t, 'the log in SQLite, with next to nothing in memory', (t) => openLog(t, { recentFacts: 3 }));

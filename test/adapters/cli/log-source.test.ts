import { join } from 'node:path';
import t from 'tap';
import { openLogSource } from '../../../adapters/cli/log-source.ts';
import { openEventStoreLog } from '../../../adapters/eventstoredb/event-log.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { LOG_START, NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { newFacts } from '../../helpers/new-facts.ts';

t.test('the log of a data folder is read while its broker has it', async (t) => {
  const dataDir = t.testdir();
  const file = join(dataDir, 'log.sqlite');
  const log = await openSqliteEventLog(file);
  await log.append(streamName('desk', '1'), NO_STREAM, newFacts(2));
  const { reader, name } = await openLogSource({ dataDir });
  t.equal(name, file);
  t.equal(await reader.head(), 2);
  await reader.close();
  await log.close();
});

t.test('a folder that is not given is the one of the broker', async (t) => {
  await t.rejects(openLogSource({}), { message: /^(There is no data|The) folder .*\/berth-data/ });
});

t.test('where there is no log, one sentence says so', async (t) => {
  const empty = t.testdir();
  const missing = join(empty, 'missing');
  await t.rejects(openLogSource({ dataDir: missing }), { message: `There is no data folder ${missing}; --data-dir says where it is.` });
  await t.rejects(openLogSource({ dataDir: empty }), {
    message: `The folder ${empty} holds no log (log.sqlite); --data-dir says where the broker keeps it.`,
  });
  await t.rejects(openLogSource({ dataDir: ' ' }), { message: '--data-dir must not be empty.' });
  await t.rejects(openLogSource({ dataDir: empty, log: 'esdb://localhost' }), { message: 'Give --data-dir or --log, not both.' });
  await t.rejects(openLogSource({ dataDir: empty, streamPrefix: 'acme.' }), { message: '--stream-prefix belongs to --log.' });
  await t.rejects(openLogSource({ log: 'localhost:2113' }), {
    message: '--log must be the address of an EventStoreDB or KurrentDB, such as esdb://host:2113.',
  });
  await t.rejects(openLogSource({ log: ' ' }), { message: '--log must not be empty.' });
  await t.rejects(openLogSource({ log: 'esdb://localhost', streamPrefix: 'acme' }), { message: /^--stream-prefix must consist of/ });
});

t.test('a log on a server is read under its prefix, and nothing secret is in its name', async (t) => {
  const { url, prefix } = await startEventStore(t);
  const log = await openEventStoreLog(url, { streamPrefix: prefix });
  await log.append(streamName('desk', '1'), NO_STREAM, newFacts(2));
  const { reader, name } = await openLogSource({ log: url.replace('esdb://', 'esdb://ann:secret@'), streamPrefix: prefix });
  t.same(await reader.readAll(LOG_START, 10), await log.readAll(LOG_START, 10));
  t.equal((await reader.readStream(streamName('desk', '1'), 0, 10)).length, 2);
  t.equal(name, log.describe().server);
  await reader.close();
  await log.close();
});

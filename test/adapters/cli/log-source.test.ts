import { join } from 'node:path';
import t from 'tap';
import { openLogSource } from '../../../adapters/cli/log-source.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
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
  await t.rejects(openLogSource({ log: 'esdb://localhost:2113' }), {
    message: /^--log: this version of Berth reads logs in data folders only/,
  });
});

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { runBerth } from '../../helpers/berth-process.ts';
import { newFacts } from '../../helpers/new-facts.ts';

async function logOf(t: Test, facts: number): Promise<string> {
  const dataDir = t.testdir();
  const log = await openSqliteEventLog(join(dataDir, 'log.sqlite'));
  for (let desk = 0; desk < facts; desk += 1) await log.append(streamName('desk', `${desk}`), NO_STREAM, newFacts(1));
  await log.close();
  return dataDir;
}

t.test('every fact is listed, for programs as JSON lines and for people as lines', async (t) => {
  const dataDir = await logOf(t, 3);
  const piped = runBerth(t, 'audit', '--data-dir', dataDir);
  t.equal(await piped.ended, 0);
  const entries = piped
    .stdout()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(entries, [{ stream: 'desk-0' }, { stream: 'desk-1' }, { stream: 'desk-2' }]);
  const people = runBerth(t, 'audit', '--data-dir', dataDir, '--no-json');
  t.equal(await people.ended, 0);
  t.match(people.stdout(), /^2023-11-14T22:13:20.123Z {2}desk.moved {2}desk-0 {2}client test/);
});

t.test('where there is no log, one sentence says so', async (t) => {
  const missing = join(t.testdir(), 'missing');
  const audit = runBerth(t, 'audit', '--data-dir', missing);
  t.equal(await audit.ended, 1);
  t.equal(audit.stderr(), `There is no data folder ${missing}; --data-dir says where it is.\n`);
});

t.test('who stops reading ends it quietly', async (t) => {
  const audit = runBerth(t, 'audit', '--data-dir', await logOf(t, 50));
  audit.child.stdout?.destroy();
  t.equal(await audit.ended, 0);
  t.equal(audit.stderr(), '');
});

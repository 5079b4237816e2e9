/** The file of kept states: whatever is wrong with it, a broker goes on. */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSnapshots } from '../../../adapters/sqlite/snapshots.ts';
import { factId, streamName } from '../../../domain/ids.ts';
import type { KeptState } from '../../../domain/ports/snapshots.ts';
import { createRecordingLogger, temporaryFolder } from '../../helpers/read-model.ts';

const STREAM = streamName('server', 'a');
const keptAt = (revision: number): KeptState => ({
  revision,
  position: revision + 10,
  factId: factId(`fact-${revision}`),
  state: { value: 'open', context: { text: 'snö "\\', nested: { list: [1, null] } } },
});

async function open(t: Test, file: string) {
  const logger = createRecordingLogger();
  const snapshots = await openSnapshots(file, { version: 'one', logger });
  t.teardown(snapshots.close);
  return { snapshots, logger };
}

t.test('the newest state of each stream is kept, for the owner of the file only', async (t) => {
  const file = join(temporaryFolder(t), 'snapshots.sqlite');
  const { snapshots } = await open(t, file);
  t.equal(await snapshots.find(STREAM), undefined);
  for (const revision of [1, 2, 3]) snapshots.keep(STREAM, keptAt(revision));
  snapshots.keep(streamName('server', 'b'), keptAt(7));
  await snapshots.close();
  const again = await open(t, file);
  t.strictSame(await again.snapshots.find(STREAM), keptAt(3));
  again.snapshots.keep(STREAM, keptAt(4));
  await new Promise((resolve) => setTimeout(resolve, 20));
  again.snapshots.keep(STREAM, keptAt(5));
  await again.snapshots.close();
  t.strictSame(await (await open(t, file)).snapshots.find(STREAM), keptAt(5));
  t.equal((await stat(file)).mode & 0o777, 0o600);
});

t.test('a file that is none of ours is started anew', async (t) => {
  const file = join(temporaryFolder(t), 'snapshots.sqlite');
  await writeFile(file, 'Not a database. '.repeat(500));
  const { snapshots, logger } = await open(t, file);
  snapshots.keep(STREAM, keptAt(1));
  await snapshots.close();
  t.strictSame(await (await open(t, file)).snapshots.find(STREAM), keptAt(1));
  t.same(logger.lines, []);
});

t.test('where no file can be, nothing is kept, and it is said once', async (t) => {
  const file = join(temporaryFolder(t), 'snapshots.sqlite');
  await mkdir(file);
  const { snapshots, logger } = await open(t, file);
  snapshots.keep(STREAM, keptAt(1));
  t.equal(await snapshots.find(STREAM), undefined);
  t.match(logger.lines, [{ level: 'warn', message: /^States of actors cannot be kept/ }]);
});

t.test('a file that fails later on is complained of once, and looks empty', async (t) => {
  const file = join(temporaryFolder(t), 'snapshots.sqlite');
  const { snapshots, logger } = await open(t, file);
  const saboteur = await openConnection(file, {});
  await saboteur.exec('DROP TABLE states');
  await saboteur.close();
  snapshots.keep(STREAM, keptAt(1));
  t.equal(await snapshots.find(STREAM), undefined);
  snapshots.keep(STREAM, keptAt(2));
  t.equal(await snapshots.find(STREAM), undefined);
  await snapshots.close();
  t.equal(logger.lines.length, 1);
});

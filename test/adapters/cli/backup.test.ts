import { join } from 'node:path';
import t from 'tap';
import { readConnectionFile } from '../../../adapters/connection-file.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { type ApiClient, createApiClient } from '../../helpers/api-client.ts';
import { BERTH, FREE_PORTS, runBerth, runModule } from '../../helpers/berth-process.ts';
import { startBroker } from '../../helpers/real-broker.ts';

const WISH = { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', EnqueueRequest: true };

t.test('what was acknowledged before a backup is there after a restore, whatever the broker did meanwhile', async (t) => {
  const broker = await startBroker(t);
  const { client, dataDir } = broker;
  const before = idsIn(await client.createSessions(Array.from({ length: 20 }, () => WISH)));
  let isOver = false;
  const load = (async () => {
    while (!isOver) await client.createSessions([WISH]);
  })();
  const copy = join(dataDir, '..', 'copy');
  const backup = runBerth(t, 'backup', '--data-dir', dataDir, '--to', copy);
  t.equal(await backup.ended, 0, backup.stderr());
  isOver = true;
  await load;
  await broker.kill();

  const restored = join(dataDir, '..', 'restored');
  const restore = runBerth(t, 'restore', '--from', copy, '--data-dir', restored, '--no-json');
  t.equal(await restore.ended, 0, restore.stderr());
  t.match(restore.stdout(), /^Restored \d+ facts \(up to position \d+\), [\d.]+ MiB in 6 files, as of .*Z, to .*restored\.\n$/);
  t.equal(JSON.parse(backup.stdout()).files, 6);

  const second = runModule(t, BERTH, ['broker', '--data-dir', restored, ...FREE_PORTS]);
  await second.says('The broker is ready at ');
  const again = await createApiClient(await readConnectionFile(restored));
  t.same((await again.describeSessions({ SessionIds: before })).map(({ Id }) => Id).sort(), [...before].sort());
  await again.close();
});

t.test('a folder that is not there, or is no backup, is one sentence', async (t) => {
  const folder = t.testdir({ empty: {} });
  const backup = runBerth(t, 'backup', '--data-dir', join(folder, 'none'), '--to', join(folder, 'copy'));
  t.equal(await backup.ended, 1);
  t.equal(backup.stderr(), `There is no data folder ${join(folder, 'none')}; --data-dir says where it is.\n`);
  const restore = runBerth(t, 'restore', '--from', join(folder, 'empty'), '--data-dir', join(folder, 'new'));
  t.equal(await restore.ended, 1);
  t.equal(restore.stderr(), `${join(folder, 'empty')} is not a whole backup: it has no backup.json.\n`);
});

t.test('what a folder does not hold is said', async (t) => {
  const folder = t.testdir({ member: { secrets: { 'cluster.key': 'key' } }, keyless: {} });
  const member = runBerth(t, 'backup', '--data-dir', join(folder, 'member'), '--to', join(folder, 'copy'), '--no-json');
  t.equal(await member.ended, 0);
  t.match(member.stdout(), /^Copied 0\.0 MiB in 1 file to /);
  t.match(member.stderr(), 'The log is not in this data folder');
  const restore = runBerth(t, 'restore', '--from', join(folder, 'copy'), '--data-dir', join(folder, 'new'));
  t.equal(await restore.ended, 0);
  t.match(restore.stderr(), 'The log is not in this data folder');
  await (await openSqliteEventLog(join(folder, 'keyless', 'log.sqlite'))).close();
  const keyless = runBerth(t, 'backup', '--data-dir', join(folder, 'keyless'), '--to', join(folder, 'second'));
  t.equal(await keyless.ended, 0);
  t.match(keyless.stderr(), 'secrets/cluster.key is not in the data folder');
});

function idsIn({ SuccessfulList }: Awaited<ReturnType<ApiClient['createSessions']>>): string[] {
  return (SuccessfulList ?? []).map(({ Id }) => String(Id));
}

import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { restoreBackup } from '../../../adapters/backup/restoring.ts';
import { takeBackup } from '../../../adapters/backup/taking.ts';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { openSqliteEventLog } from '../../../adapters/sqlite/event-log.ts';
import { openSqliteLogReader } from '../../../adapters/sqlite/log-reader.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { factOf } from '../../helpers/read-model.ts';
import { wish } from '../../helpers/samples.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const now = () => NOON;
const STREAM = streamName('session', 'ann');
const requested = () => factOf({ type: 'session.requested', data: wish({ owner: 'ann' }) }, NOON);

async function folderOfBroker(t: Test) {
  const root = t.testdir({
    data: { secrets: { 'cluster.key': 'key' }, archive: { 'old.gz': 'packed', '.new.gz': 'half' }, 'read-models.sqlite': 'x' },
  });
  const data = join(root, 'data');
  const log = await openSqliteEventLog(join(data, 'log.sqlite'));
  await log.append(STREAM, NO_STREAM, [requested()]);
  t.teardown(() => log.close());
  return { root, data, log, copy: join(root, 'copies', 'monday') };
}

t.test(
  'a backup holds the log as it is while others write to it, the key and the archives, and nothing that comes back by itself',
  async (t) => {
    const { data, log, copy } = await folderOfBroker(t);
    const manifest = await takeBackup(data, copy, now);
    await log.append(streamName('session', 'bob'), NO_STREAM, [requested()]);
    t.match(manifest, { format: 1, time: '2026-01-15T12:00:00.000Z', log: { facts: 1, position: 1 } });
    t.same(manifest.files.map(({ path }) => path).sort(), ['archive/old.gz', 'log.sqlite', 'secrets/cluster.key']);
    t.same(readdirSync(copy).sort(), ['archive', 'backup.json', 'log.sqlite', 'secrets']);
    for (const file of ['log.sqlite', 'backup.json']) t.equal(statSync(join(copy, file)).mode & 0o777, 0o600, file);
    t.equal(statSync(copy).mode & 0o777, 0o700);
    const reader = await openSqliteLogReader(join(copy, 'log.sqlite'));
    t.match(await reader.readAll(0, 10), [{ stream: STREAM, revision: 0, position: 1 }]);
    await reader.close();
  },
);

t.test('a backup becomes a data folder, byte for byte', async (t) => {
  const { root, data, copy } = await folderOfBroker(t);
  await takeBackup(data, copy, now);
  const target = join(root, 'new');
  mkdirSync(target);
  await restoreBackup(copy, target);
  t.same(readdirSync(target).sort(), ['archive', 'log.sqlite', 'secrets']);
  t.same(readFileSync(join(target, 'log.sqlite')), readFileSync(join(copy, 'log.sqlite')));
  const again = await openSqliteEventLog(join(target, 'log.sqlite'));
  t.match(await again.append(STREAM, NO_STREAM, [requested()]), { outcome: 'conflict', actualRevision: 0 }, 'a broker may go on with it');
  await again.close();
});

t.test('neither takes the place of what is there', async (t) => {
  const { root, data, copy } = await folderOfBroker(t);
  await takeBackup(data, copy, now);
  await t.rejects(takeBackup(data, copy, now), { message: `${copy} is not empty; nothing was changed.` });
  await t.rejects(restoreBackup(copy, data), { message: `${data} is not empty; nothing was changed.` });
  const file = join(root, 'file');
  writeFileSync(file, '');
  await t.rejects(takeBackup(data, file, now), { message: `${file} is not a folder that can be read (ENOTDIR).` });
});

t.test('what is no data folder is not backed up, and a log that cannot be read leaves nothing behind', async (t) => {
  const { root, data, copy } = await folderOfBroker(t);
  await t.rejects(takeBackup(root, copy, now), {
    message: `${root} is not the data folder of a broker: it holds neither log.sqlite nor secrets/cluster.key.`,
  });
  rmSync(join(data, 'log.sqlite'));
  writeFileSync(join(data, 'log.sqlite'), 'nonsense');
  await t.rejects(takeBackup(data, copy, now), { name: 'LogFault', message: /log\.sqlite/ });
  t.same(readdirSync(join(root, 'copies')), []);
});

t.test('a folder without a log gives a backup of its keys', async (t) => {
  const { root, copy } = await folderOfBroker(t);
  const member = join(root, 'member');
  mkdirSync(join(member, 'secrets'), { recursive: true });
  writeFileSync(join(member, 'secrets', 'cluster.key'), 'key');
  t.match(await takeBackup(member, copy, now), { log: null, files: [{ path: 'secrets/cluster.key', bytes: 3 }] });
});

t.test('a backup that was damaged is refused, and says where', async (t) => {
  const { root, data, copy } = await folderOfBroker(t);
  await takeBackup(data, copy, now);
  appendFileSync(join(copy, 'log.sqlite'), 'x');
  writeFileSync(join(copy, 'secrets', 'cluster.key'), 'yek');
  rmSync(join(copy, 'archive', 'old.gz'));
  const target = join(root, 'new');
  await t.rejects(restoreBackup(copy, target), {
    message:
      /damaged:\nsecrets\/cluster\.key is not what was written\.\nlog\.sqlite has \d+ bytes instead of \d+\.\narchive\/old\.gz cannot be read \(ENOENT\)\.$/,
  });
  t.notOk(existsSync(target));
});

t.test('a folder whose backup.json is missing, unreadable, nonsense or leads elsewhere is no backup', async (t) => {
  const { root, data, copy } = await folderOfBroker(t);
  await t.rejects(restoreBackup(data, join(root, 'new')), { message: `${data} is not a whole backup: it has no backup.json.` });
  await takeBackup(data, copy, now);
  const file = join(copy, 'backup.json');
  for (const path of ['../data/log.sqlite', '/etc/passwd', 'a/../../b', '.hidden', '']) {
    writeFileSync(
      file,
      JSON.stringify({ format: 1, time: new Date(NOON), log: null, files: [{ path, bytes: 0, sha256: '0'.repeat(64) }] }),
    );
    await t.rejects(restoreBackup(copy, join(root, 'new')), { message: /backup\.json is not what a backup of this version/ }, path);
  }
  rmSync(file);
  mkdirSync(file);
  await t.rejects(restoreBackup(copy, join(root, 'new')), { message: /its backup\.json cannot be read \(EISDIR\)/ });
});

t.test('a copy of the log in which SQLite finds damage is no backup', async (t) => {
  const { data, log, copy } = await folderOfBroker(t);
  for (let revision = 0; revision < 200; revision += 1) await log.append(STREAM, revision, [requested()]);
  await log.close();
  const file = join(data, 'log.sqlite');
  const bytes = readFileSync(file);
  bytes.fill(0xff, 3 * 4096, 4 * 4096);
  writeFileSync(file, bytes);
  chmodSync(file, 0o600);
  await t.rejects(takeBackup(data, copy, now), { name: 'LogFault', message: /cannot be copied|damaged/ });
});

t.test('a log of another program is refused in its own words', async (t) => {
  const { data, log, copy } = await folderOfBroker(t);
  await log.close();
  rmSync(join(data, 'log.sqlite'));
  const other = await openConnection(join(data, 'log.sqlite'), {});
  await other.exec('PRAGMA application_id = 7; CREATE TABLE t (a)');
  await other.close();
  await t.rejects(takeBackup(data, copy, now), { name: 'LogFault', message: /not an event log of Berth/ });
});

import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { claimDataFolder } from '../../../adapters/sqlite/data-folder.ts';
import { startHelper } from '../../helpers/helper-process.ts';

t.test('a data folder is made where it is missing, for its owner only', async (t) => {
  const path = join(t.testdir(), 'deep', 'data');
  const folder = await claimDataFolder(path);
  t.equal(folder.path, path);
  t.equal((await stat(path)).mode & 0o777, 0o700);
  t.equal(await readFile(join(path, 'broker.pid'), 'utf8'), `${process.pid}\n`);
  await folder.release();
});

t.test('a data folder has one broker at a time', async (t) => {
  const path = t.testdir();
  const first = await claimDataFolder(path);
  await t.rejects(claimDataFolder(path), { message: `The data folder ${path} is in use by another broker (process ${process.pid}).` });
  await first.release();
  const second = await claimDataFolder(path);
  await second.release();
});

t.test('a claim holds against other processes, and ends with its process even by SIGKILL', async (t) => {
  const path = t.testdir();
  const holder = startHelper(t, 'folder-holder', path);
  await holder.said((line) => line === 'claimed');
  const refused = { message: `The data folder ${path} is in use by another broker (process ${holder.pid}).` };
  await t.rejects(claimDataFolder(path), refused);
  await t.rejects(claimDataFolder(path), refused, 'a claim that was refused takes nothing away');
  await holder.kill();
  const folder = await claimDataFolder(path);
  const late = startHelper(t, 'folder-holder', path);
  await late.said((line) => line === `The data folder ${path} is in use by another broker (process ${process.pid}).`);
  await folder.release();
});

t.test('a broker that did not say its process id is named without it', async (t) => {
  const path = t.testdir();
  const folder = await claimDataFolder(path);
  await rm(join(path, 'broker.pid'));
  await t.rejects(claimDataFolder(path), { message: `The data folder ${path} is in use by another broker.` });
  await folder.release();
});

t.test('what cannot be a data folder is refused in one sentence', async (t) => {
  const path = t.testdir({
    file: '',
    'no-pid': { 'broker.pid': {} },
    'no-lock': { 'broker.lock': {} },
    damaged: { 'broker.lock': 'x'.repeat(5000) },
  });
  const refusals = [
    ['file', 'is not a folder.'],
    ['file/inside', 'is not a folder.'],
    ['no-pid', 'is not writable (EISDIR).'],
    ['no-lock', 'is not writable (SQLITE_CANTOPEN).'],
    ['damaged', 'is not writable (SQLITE_NOTADB).'],
    [`${'x'.repeat(300)}`, 'cannot be made (ENAMETOOLONG).'],
  ] as const;
  for (const [name, reason] of refusals) {
    await t.rejects(claimDataFolder(join(path, name)), { message: `The data folder ${join(path, name)} ${reason}` });
  }
});

t.test(
  'a folder that may not be written is refused',
  { skip: process.getuid?.() === 0 && 'the superuser may write anywhere' },
  async (t) => {
    const path = t.testdir();
    await chmod(path, 0o500);
    await t.rejects(claimDataFolder(path), { message: `The data folder ${path} is not writable (SQLITE_CANTOPEN).` });
    await chmod(path, 0o700);
  },
);

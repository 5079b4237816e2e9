/** Where a broker is administered from its own machine: the address, and what is left of one. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { prepareAddress, readAddress, removeAddress } from '../../adapters/local-channel.ts';

t.test('on Windows it is a named pipe that nobody can guess', async (t) => {
  const folder = t.testdir();
  const address = await prepareAddress(folder, 'win32');
  t.match(address, /^\\\\\.\\pipe\\berth-[0-9a-f-]{36}$/);
  t.equal(await readAddress(folder), address);
  t.equal(statSync(join(folder, 'admin', 'address')).mode & 0o777, 0o600);
  await removeAddress(folder);
  await t.rejects(readAddress(folder), { code: 'ENOENT' });
});

t.test('a folder that is too deep for a socket gets one elsewhere, and what was left of it goes with the next', async (t) => {
  const folder = join(t.testdir(), 'deep'.repeat(30));
  mkdirSync(folder);
  const first = await prepareAddress(folder);
  writeFileSync(first, '');
  const second = await prepareAddress(folder);
  t.not(first, second);
  t.notOk(existsSync(join(first, '..')));
  await removeAddress(folder);
  t.notOk(existsSync(join(second, '..')));
});

t.test('nothing is removed but what a broker made', async (t) => {
  const folder = t.testdir({ other: { 'admin.sock': '' }, admin: { address: '' } });
  writeFileSync(join(folder, 'admin', 'address'), join(folder, 'other', 'admin.sock'));
  await removeAddress(folder);
  t.ok(existsSync(join(folder, 'other', 'admin.sock')));
});

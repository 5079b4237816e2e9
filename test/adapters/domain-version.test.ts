/** The version of the domain: it changes with the code, and with nothing else. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { domainVersion } from '../../adapters/domain-version.ts';

t.test('the version is that of the code in the folder of the domain', async (t) => {
  t.match(domainVersion(), /^[0-9a-f]{64}$/);
  t.equal(domainVersion(), domainVersion());
  const folder = t.testdir({ 'machine.js': '1', session: { 'machine.js': '2' } });
  const first = domainVersion(folder);
  await writeFile(join(folder, 'machine.js.map'), '3');
  t.equal(domainVersion(folder), first);
  await writeFile(join(folder, 'session', 'machine.js'), '3');
  const second = domainVersion(folder);
  t.not(second, first);
  await rm(join(folder, 'machine.js'));
  t.not(domainVersion(folder), second);
});

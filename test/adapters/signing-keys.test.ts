/** The file of signing keys. */
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { loadSigningKeys } from '../../adapters/signing-keys.ts';

t.test('the first start makes a key that only the owner may read, and later starts find it', async (t) => {
  const file = join(t.testdir(), 'keys.json');
  const made = await loadSigningKeys(file);
  t.match(made.current.kid, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  t.equal((await stat(file)).mode & 0o777, 0o600);
  const found = await loadSigningKeys(file);
  t.equal(found.current.kid, made.current.kid);
  t.ok(found.current.privateKey.equals(made.current.privateKey));
  t.equal(found.current.privateKey.asymmetricKeyDetails?.modulusLength, 2048);
});

t.test('the first key of the file signs and all of them are found by name', async (t) => {
  const folder = t.testdir();
  const [old, young, both] = ['old', 'young', 'both'].map((name) => join(folder, name)) as [string, string, string];
  const former = await loadSigningKeys(old);
  const current = await loadSigningKeys(young);
  const keys = (await Promise.all([young, old].map(async (file) => JSON.parse(await readFile(file, 'utf8')).keys))).flat();
  await writeFile(both, JSON.stringify({ keys }), { mode: 0o600 });
  const loaded = await loadSigningKeys(both);
  t.equal(loaded.current.kid, current.current.kid);
  t.equal(loaded.find(former.current.kid)?.type, 'public');
  t.equal(loaded.find('another'), undefined);
  t.equal(loaded.find(undefined), undefined);
});

t.test('a file that others may read is refused', async (t) => {
  const file = join(t.testdir(), 'keys.json');
  await loadSigningKeys(file);
  await chmod(file, 0o640);
  await t.rejects(loadSigningKeys(file), { message: `${file} holds signing keys, but others may read it; run: chmod 600 ${file}` });
});

t.test('a file without keys is refused and left as it is', async (t) => {
  for (const text of ['', '{}', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA"}]}']) {
    const file = join(t.testdir(), 'keys.json');
    await writeFile(file, text, { mode: 0o600 });
    await t.rejects(loadSigningKeys(file), { message: `${file} holds no signing keys that can be read` });
    t.equal(await readFile(file, 'utf8'), text);
  }
});

t.test('a folder that is not there is told as the file system tells it', async (t) => {
  await t.rejects(loadSigningKeys(join(t.testdir(), 'nowhere', 'keys.json')), { code: 'ENOENT' });
});

/** How secrets are kept. */
import t from 'tap';
import { createPasswords, hashSecret, PasswordsBusyError, secretMatches } from '../../adapters/passwords.ts';

t.test('a password matches its own hash and no other does', async (t) => {
  const passwords = createPasswords();
  const hash = await passwords.hash('correct horse');
  t.match(hash, /^scrypt\$16384\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  t.notOk(hash.includes('horse'));
  t.equal(await passwords.matches('correct horse', hash), true);
  t.equal(await passwords.matches('correct horsé', hash), false);
  t.equal(await passwords.matches('', hash), false);
});

t.test('the same password gives another hash each time', async (t) => {
  const passwords = createPasswords();
  t.not(await passwords.hash('x'), await passwords.hash('x'));
});

t.test('a password is the same however its accents were typed', async (t) => {
  const passwords = createPasswords();
  t.equal(await passwords.matches('caf\u00e9', await passwords.hash('cafe\u0301')), true);
});

t.test('a hash made with other parameters still counts', async (t) => {
  const passwords = createPasswords();
  const hash = 'scrypt$1024$8$1$c2FsdHNhbHRzYWx0$';
  const { scryptSync } = await import('node:crypto');
  const key = scryptSync('x', Buffer.from('saltsaltsalt'), 32, { N: 1024, r: 8, p: 1 }).toString('base64url');
  t.equal(await passwords.matches('x', hash + key), true);
});

t.test('nothing matches a text that is no hash', async (t) => {
  const passwords = createPasswords();
  for (const hash of ['', 'x', 'scrypt$16384$8$1$salt$short', '$2b$10$abcdefghijklmnopqrstuv']) {
    t.equal(await passwords.matches('x', hash), false, hash);
  }
});

t.test('parameters that no machine can bear are a fault', async (t) => {
  await t.rejects(createPasswords().matches('x', `scrypt$1048576$8$1$c2FsdA$${'A'.repeat(43)}`), {
    code: 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS',
  });
});

t.test('only so many hashes run at a time, so many wait in order, and the rest are turned away', async (t) => {
  const passwords = createPasswords({ concurrent: 1, waiting: 2 });
  const order: string[] = [];
  const three = ['a', 'b', 'c'].map((name) => passwords.hash(name).then(() => order.push(name)));
  await t.rejects(passwords.hash('d'), PasswordsBusyError);
  await Promise.all(three);
  t.strictSame(order, ['a', 'b', 'c']);
  t.equal(await passwords.matches('e', await passwords.hash('e')), true, 'there is room again');
});

t.test('a random secret is kept as a fast hash', (t) => {
  const hash = hashSecret('secret');
  t.match(hash, /^[\w-]{43}$/);
  t.equal(secretMatches('secret', hash), true);
  t.equal(secretMatches('Secret', hash), false);
  t.equal(secretMatches('secret', ''), false);
  t.end();
});

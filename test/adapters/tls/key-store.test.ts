/** Files of keys and certificates as operators have them, made by the tools that operators use. */
import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import forge from 'node-forge';
import t, { type Test } from 'tap';
import { issueServer } from '../../../adapters/certificate-issuer.ts';
import type { StoreFile } from '../../../adapters/config.ts';
import { readKeyStore } from '../../../adapters/tls/key-store.ts';
import { readTrustStore } from '../../../adapters/tls/trust-store.ts';
import { newAuthority } from '../../helpers/certificates.ts';

const run = promisify(execFile);
const now = Date.now();
const DAY_MS = 86_400_000;
const names = { dnsNames: ['broker.example.com'], ipAddresses: [] };
const authority = await newAuthority();
const server = await issueServer(authority, names, { from: now, until: now + DAY_MS });
const PASSWORD = 'swordfish';

const isMissing = (command: string, parameter: string): Promise<string | false> =>
  run(command, [parameter]).then(
    () => false,
    () => `no ${command}`,
  );
const withoutOpenssl = { skip: await isMissing('openssl', 'version') };
const withoutKeytool = { skip: await isMissing('keytool', '-help') };

function storeOf(file: string, password = ''): StoreFile {
  return { file, password, fileFrom: 'key-store-file', passwordFrom: 'key-store-pass' };
}

async function written(t: Test, content: string | Buffer, password = ''): Promise<StoreFile> {
  const file = join(t.testdir(), 'store');
  await writeFile(file, content);
  return storeOf(file, password);
}

/** What tools make just now begins now. */
const read = (store: StoreFile) => readKeyStore(store, Date.now() + 60_000);
const refused = (t: Test, store: StoreFile, message: string | RegExp, at?: number) =>
  t.rejects(readKeyStore(store, at ?? Date.now() + 60_000), { name: 'ConfigError', message });

t.test('key and chain stand in a PEM file in any order', async (t) => {
  for (const content of [
    [server.key, server.cert, authority.cert],
    [`Bag Attributes\n  friendlyName: broker\n${authority.cert}`, server.cert, server.key],
  ]) {
    const { key, cert, leaf, anchors } = await read(await written(t, content.join('\n')));
    t.equal(leaf.checkHost('broker.example.com'), 'broker.example.com');
    t.equal(cert, server.cert + authority.cert, 'the server comes first');
    t.same(anchors, [authority.cert]);
    t.same(createPrivateKey(key).export({ format: 'jwk' }), createPrivateKey(server.key).export({ format: 'jwk' }));
  }
});

t.test('who vouches for itself is what clients trust, and of who does not nothing is known', async (t) => {
  t.same((await read(await written(t, authority.key + authority.cert))).anchors, [authority.cert]);
  t.same((await read(await written(t, server.key + server.cert))).anchors, []);
});

t.test('a private key may have a password', async (t) => {
  const key = createPrivateKey(server.key).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: PASSWORD });
  const store = await written(t, `${key}${server.cert}`, PASSWORD);
  t.equal((await read(store)).cert, server.cert);
  for (const password of ['', 'wrong'])
    await refused(t, { ...store, password }, `key-store-pass is not the password of the private key in ${store.file}.`);
});

t.test('what is wrong with a file is one sentence that names the setting', async (t) => {
  const other = await newAuthority();
  const damaged = server.cert.replace(/\n[^\n]+/, '\nAAAA');
  const cases: readonly (readonly [string | Buffer, RegExp])[] = [
    [server.cert, /^key-store-file: .* holds no private key; key and certificate have to be in one file\.$/],
    [server.key, /^key-store-file: .* holds no certificate; /],
    [other.key + server.cert, /^key-store-file: the private key in .* does not belong to the certificate there\.$/],
    [server.key + damaged, /^key-store-file: .* holds a certificate that cannot be read\.$/],
    [server.key.replace(/\n[^\n]+/, '\nAAAA') + server.cert, /^key-store-file: the private key in .* cannot be read\.$/],
    ['nonsense', /^key-store-file: .* is neither PEM nor PKCS#12\.$/],
    ['', /^key-store-file: .* is neither PEM nor PKCS#12\.$/],
    ['0nonsense', /^key-store-file: .* cannot be read as PKCS#12: /],
    [Buffer.alloc(4 * 1024 * 1024 + 1), /^key-store-file: .* is larger than 4194304 bytes/],
  ];
  for (const [content, message] of cases) await refused(t, await written(t, content), message);
  await refused(t, storeOf('/nowhere/store'), /^key-store-file: \/nowhere\/store cannot be read: ENOENT/);
  const store = await written(t, server.key + server.cert);
  await refused(t, store, /^key-store-file: the certificate in .* expired at 20.*Z\.$/, now + 2 * DAY_MS);
  await refused(t, store, /^key-store-file: the certificate in .* is not valid before 20.*Z\.$/, now - DAY_MS);
});

t.test('a key that is too short for TLS is refused before anybody is met with it', async (t) => {
  const pair = forge.pki.rsa.generateKeyPair(512);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = pair.publicKey;
  certificate.validity.notBefore = new Date(now - DAY_MS);
  certificate.validity.notAfter = new Date(now + DAY_MS);
  certificate.sign(pair.privateKey, forge.md.sha256.create());
  const store = await written(t, forge.pki.privateKeyToPem(pair.privateKey) + forge.pki.certificateToPem(certificate));
  await refused(t, store, /^key-store-file: what is in .* is no good for TLS: .*too small/);
});

t.test('PKCS#12 is read, with new ciphers and old ones', withoutOpenssl, async (t) => {
  const folder = t.testdir({ pem: server.key + server.cert + authority.cert });
  const rsa = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=rsa', '-keyout', 'rsa.key', '-out', 'rsa.crt'];
  await run('openssl', rsa, { cwd: folder });
  const rsaPem = (await readFile(join(folder, 'rsa.key'), 'utf8')) + (await readFile(join(folder, 'rsa.crt'), 'utf8'));
  await writeFile(join(folder, 'rsa.pem'), rsaPem);
  const old = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
  for (const [pem, subject, ...options] of [
    ['pem', 'Berth broker'],
    ['rsa.pem', 'rsa'],
    ['rsa.pem', 'rsa', ...old],
  ] as const) {
    const file = join(folder, 'broker.jks');
    await run('openssl', ['pkcs12', '-export', '-in', pem, '-out', file, '-passout', `pass:${PASSWORD}`, ...options], { cwd: folder });
    const { leaf } = await read(storeOf(file, PASSWORD));
    t.match(leaf.subject, subject);
    await refused(t, storeOf(file, 'wrong'), `key-store-pass is not the password of ${file}.`);
  }
});

t.test('key stores of Java are read, and old ones are refused with the command that converts them', withoutKeytool, async (t) => {
  const folder = t.testdir();
  const made = async (name: string, type: string): Promise<string> => {
    const key = ['-genkeypair', '-alias', 'broker', '-keyalg', 'EC', '-dname', 'CN=java', '-keystore', name, '-storetype', type];
    await run('keytool', [...key, '-storepass', PASSWORD, '-keypass', PASSWORD], { cwd: folder });
    return join(folder, name);
  };
  const modern = await made('modern.jks', 'PKCS12');
  t.match((await read(storeOf(modern, PASSWORD))).leaf.subject, 'java');
  const old = await made('old.p12', 'JKS');
  const { message } = await read(storeOf(old, PASSWORD)).then(
    () => ({ message: '' }),
    (error: Error) => error,
  );
  const [, command = ''] = /(keytool .*)$/.exec(message) ?? [];
  await run('bash', ['-c', `${command} -srcstorepass ${PASSWORD} -deststorepass ${PASSWORD}`]);
  t.match((await read(storeOf(`${old}.p12`, PASSWORD))).leaf.subject, 'java');

  t.test('so are trust stores', async (t) => {
    await writeFile(join(folder, 'ca.pem'), authority.cert);
    const add = ['-importcert', '-noprompt', '-alias', 'ca', '-file', 'ca.pem', '-keystore', 'trust.p12', '-storepass', PASSWORD];
    await run('keytool', add, { cwd: folder });
    t.same(await readTrustStore(storeOf(join(folder, 'trust.p12'), PASSWORD)), [authority.cert]);
  });
});

t.test('a trust store may be PEM, and has to hold something', async (t) => {
  const other = await newAuthority();
  t.same(await readTrustStore(await written(t, authority.cert + other.cert)), [authority.cert, other.cert]);
  await t.rejects(readTrustStore(await written(t, server.key)), { message: /^key-store-file: .* holds no certificate\.$/ });
});

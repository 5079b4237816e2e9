import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { type Certificates, type CertificateWish, ensureCertificates, SERVER_LIFETIME_MS } from '../../adapters/certificates.ts';
import { replaceFile } from '../../adapters/files.ts';
import { advertisedHost, brokerUrl, serverNames } from '../../adapters/server-names.ts';
import { newAuthority } from '../helpers/certificates.ts';

const run = promisify(execFile);
const DAY_MS = 86_400_000;
const now = Date.now();
const names = { dnsNames: ['localhost', 'broker.example.com'], ipAddresses: ['127.0.0.1', '::1'] };
const LIFETIME_MS = 3650 * DAY_MS;
const authority = await newAuthority(now, LIFETIME_MS);
const wish: CertificateWish = { authority, names, now };

async function serve(t: Test, { key, cert }: Certificates): Promise<number> {
  const server = createServer({ key, cert }, (_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function isInstalled(command: string, ...parameters: string[]): Promise<boolean> {
  return run(command, parameters).then(
    () => true,
    () => false,
  );
}

t.test('clients that trust the authority reach the server by name and by address', async (t) => {
  const made = await ensureCertificates(join(t.testdir(), 'tls'), wish);
  const port = await serve(t, made);
  const ca = await readFile(made.caFile, 'utf8');

  for (const host of ['localhost', '127.0.0.1']) {
    const answer = await fetch(`https://${host}:${port}/`, { dispatcher: new Agent({ connect: { ca } }) });
    t.equal(await answer.text(), 'hello', `undici, ${host}`);
  }
  const status = await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, ca, servername: 'broker.example.com' }, (response) => resolve(response.statusCode))
      .on('error', reject)
      .end();
  });
  t.equal(status, 200, 'Node, under its public name');
  await t.rejects(fetch(`https://localhost:${port}/`), 'not without the authority');
});

t.test('OpenSSL accepts the chain in its strict mode', { skip: !(await isInstalled('openssl', 'version')) && 'no openssl' }, async (t) => {
  const folder = join(t.testdir(), 'tls');
  await ensureCertificates(folder, wish);
  const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', join(folder, 'ca.pem')];
  for (const name of [
    ['-verify_hostname', 'localhost'],
    ['-verify_ip', '::1'],
    ['-verify_ip', '127.0.0.1'],
  ]) {
    const { stdout } = await run('openssl', [...verify, ...name, join(folder, 'server.pem')]);
    t.match(stdout, /: OK/, name.join(' '));
  }
  await t.rejects(run('openssl', [...verify, '-verify_hostname', 'elsewhere.example.com', join(folder, 'server.pem')]));
});

t.test(
  'Python accepts the server',
  { skip: !(await isInstalled('python3', '-c', 'import requests')) && 'no python3 with requests' },
  async (t) => {
    const made = await ensureCertificates(join(t.testdir(), 'tls'), wish);
    const port = await serve(t, made);
    const script = `import requests; print(requests.get('https://localhost:${port}/', verify='${made.caFile}').text)`;
    const { stdout } = await run('python3', ['-c', script], { env: { ...process.env, no_proxy: '*' } });
    t.equal(stdout.trim(), 'hello');
  },
);

t.test('the private key is for its owner only, that of the authority is not there, and nothing half-written is left', async (t) => {
  const folder = join(t.testdir(), 'tls');
  await ensureCertificates(folder, wish);
  t.same((await readdir(folder)).sort(), ['ca.pem', 'server.key', 'server.pem']);
  t.equal((await stat(join(folder, 'server.key'))).mode & 0o777, 0o600);
});

t.test('the second start finds what the first one made', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, wish);
  t.same(await ensureCertificates(folder, { ...wish, now: now + DAY_MS }), first);
});

t.test('the server certificate lives a year', async (t) => {
  const made = await ensureCertificates(join(t.testdir(), 'tls'), wish);
  const server = new X509Certificate(made.cert);
  t.notOk(server.ca);
  t.equal(Math.round((Date.parse(server.validTo) - now) / DAY_MS), SERVER_LIFETIME_MS / DAY_MS);
});

t.test('the server certificate is renewed under the same authority', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, wish);

  t.test('when it gets a name that it does not have', async (t) => {
    const wider = { ...names, dnsNames: [...names.dnsNames, 'new.example.com'] };
    const second = await ensureCertificates(folder, { ...wish, names: wider });
    t.not(second.cert, first.cert);
    t.equal(new X509Certificate(second.cert).checkHost('new.example.com'), 'new.example.com');
    const third = await ensureCertificates(folder, { ...wish, names: { ...wider, ipAddresses: ['192.0.2.7'] } });
    t.equal(new X509Certificate(third.cert).checkIP('192.0.2.7'), '192.0.2.7');
  });

  t.test('thirty days before it expires, not sooner', async (t) => {
    const before = await ensureCertificates(folder, wish);
    const early = await ensureCertificates(folder, { ...wish, now: now + SERVER_LIFETIME_MS - 31 * DAY_MS });
    t.equal(early.cert, before.cert);
    const late = await ensureCertificates(folder, { ...wish, now: now + SERVER_LIFETIME_MS - 29 * DAY_MS });
    t.not(late.cert, before.cert);
  });

  t.test('when its files are damaged or do not belong together', async (t) => {
    await writeFile(join(folder, 'server.pem'), 'not a certificate');
    const second = await ensureCertificates(folder, wish);
    t.ok(new X509Certificate(second.cert));
    await writeFile(join(folder, 'server.key'), authority.key);
    const third = await ensureCertificates(folder, wish);
    t.ok(new X509Certificate(third.cert));
    t.not(third.cert, second.cert);
  });

  t.equal(await readFile(first.caFile, 'utf8'), authority.cert);
});

t.test('another authority brings a server certificate of its own, and is what clients are told to trust', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, wish);
  const other = await newAuthority();
  const second = await ensureCertificates(folder, { ...wish, authority: other });
  t.not(second.cert, first.cert);
  t.equal(await readFile(second.caFile, 'utf8'), other.cert);
  t.ok(new X509Certificate(second.cert).verify(new X509Certificate(other.cert).publicKey));
});

t.test('a server certificate never outlives its authority', async (t) => {
  const folder = join(t.testdir(), 'tls');
  await ensureCertificates(folder, wish);
  const late = await ensureCertificates(folder, { ...wish, now: now + LIFETIME_MS - 100 * DAY_MS });
  t.equal(new X509Certificate(late.cert).validTo, new X509Certificate(await readFile(late.caFile)).validTo);
});

t.test('a file that cannot be replaced leaves the old one and no draft', async (t) => {
  const folder = t.testdir({ file: { inside: 'a folder of that name is in the way' } });
  await t.rejects(replaceFile(join(folder, 'file'), 'new', 0o600));
  t.same(await readdir(folder), ['file']);
});

t.test('the server goes by its loopback names, the names and addresses of its machine, and what it was told to go by', async (t) => {
  const machine = {
    hostname: 'desk7.example.com',
    interfaces: {
      lo: [{ address: '127.0.0.1' }, { address: '::1' }],
      eth0: [{ address: '192.0.2.7' }, { address: 'fe80::1' }],
      gone: undefined,
    },
  };
  t.same(serverNames(['192.0.2.7', 'lb.example.com'], machine), {
    dnsNames: ['localhost', 'desk7.example.com', 'desk7', 'lb.example.com'],
    ipAddresses: ['127.0.0.1', '::1', '192.0.2.7'],
  });
  t.same(serverNames(['bücher.example'], machine).dnsNames, ['localhost', 'desk7.example.com', 'desk7', 'xn--bcher-kva.example']);
  t.same(serverNames(['0.0.0.0'], machine).ipAddresses, ['127.0.0.1', '::1', '192.0.2.7'], 'an address that means all of them is left out');
});

t.test('other brokers are told the host it was told, else where it listens, else the name of its machine', async (t) => {
  const machine = { hostname: 'desk7', interfaces: {} };
  t.equal(advertisedHost({ advertisedHost: 'broker-1.example.com', host: '0.0.0.0' }, machine), 'broker-1.example.com');
  t.equal(advertisedHost({ host: '192.0.2.7' }, machine), '192.0.2.7');
  for (const host of ['0.0.0.0', '::']) t.equal(advertisedHost({ host }, machine), 'desk7');
  t.equal(brokerUrl('desk7', 8445), 'https://desk7:8445');
  t.equal(brokerUrl('2001:db8::7', 8445), 'https://[2001:db8::7]:8445');
});

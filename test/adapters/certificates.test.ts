import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { AUTHORITY_LIFETIME_MS, type Certificates, ensureCertificates, SERVER_LIFETIME_MS } from '../../adapters/certificates.ts';
import { replaceFile } from '../../adapters/files.ts';
import { serverNames } from '../../adapters/server-names.ts';

const run = promisify(execFile);
const DAY_MS = 86_400_000;
const now = Date.now();
const names = { dnsNames: ['localhost', 'broker.example.com'], ipAddresses: ['127.0.0.1', '::1'] };

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
  const made = await ensureCertificates(join(t.testdir(), 'tls'), names, now);
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
  await ensureCertificates(folder, names, now);
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
    const made = await ensureCertificates(join(t.testdir(), 'tls'), names, now);
    const port = await serve(t, made);
    const script = `import requests; print(requests.get('https://localhost:${port}/', verify='${made.caFile}').text)`;
    const { stdout } = await run('python3', ['-c', script], { env: { ...process.env, no_proxy: '*' } });
    t.equal(stdout.trim(), 'hello');
  },
);

t.test('private keys are for their owner only and nothing half-written is left', async (t) => {
  const folder = join(t.testdir(), 'tls');
  await ensureCertificates(folder, names, now);
  t.same((await readdir(folder)).sort(), ['ca.key', 'ca.pem', 'server.key', 'server.pem']);
  for (const name of ['ca.key', 'server.key']) t.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
});

t.test('the second start finds what the first one made', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, names, now);
  t.same(await ensureCertificates(folder, names, now + DAY_MS), first);
});

t.test('the authority lives ten years, the server certificate one', async (t) => {
  const made = await ensureCertificates(join(t.testdir(), 'tls'), names, now);
  const authority = new X509Certificate(await readFile(made.caFile));
  const server = new X509Certificate(made.cert);
  t.ok(authority.ca);
  t.notOk(server.ca);
  t.equal(Math.round((Date.parse(authority.validTo) - now) / DAY_MS), AUTHORITY_LIFETIME_MS / DAY_MS);
  t.equal(Math.round((Date.parse(server.validTo) - now) / DAY_MS), SERVER_LIFETIME_MS / DAY_MS);
});

t.test('the server certificate is renewed under the same authority', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, names, now);
  const authority = await readFile(first.caFile, 'utf8');

  t.test('when it gets a name that it does not have', async (t) => {
    const wider = { ...names, dnsNames: [...names.dnsNames, 'new.example.com'] };
    const second = await ensureCertificates(folder, wider, now);
    t.not(second.cert, first.cert);
    t.equal(new X509Certificate(second.cert).checkHost('new.example.com'), 'new.example.com');
    const third = await ensureCertificates(folder, { ...wider, ipAddresses: ['192.0.2.7'] }, now);
    t.equal(new X509Certificate(third.cert).checkIP('192.0.2.7'), '192.0.2.7');
  });

  t.test('thirty days before it expires, not sooner', async (t) => {
    const before = await ensureCertificates(folder, names, now);
    const early = await ensureCertificates(folder, names, now + SERVER_LIFETIME_MS - 31 * DAY_MS);
    t.equal(early.cert, before.cert);
    const late = await ensureCertificates(folder, names, now + SERVER_LIFETIME_MS - 29 * DAY_MS);
    t.not(late.cert, before.cert);
  });

  t.test('when its files are damaged or do not belong together', async (t) => {
    await writeFile(join(folder, 'server.pem'), 'not a certificate');
    const second = await ensureCertificates(folder, names, now);
    t.ok(new X509Certificate(second.cert));
    await writeFile(join(folder, 'server.key'), await readFile(join(folder, 'ca.key')));
    const third = await ensureCertificates(folder, names, now);
    t.ok(new X509Certificate(third.cert));
    t.not(third.cert, second.cert);
  });

  t.equal(await readFile(first.caFile, 'utf8'), authority);
});

t.test('a lost authority is replaced together with the server certificate', async (t) => {
  const folder = join(t.testdir(), 'tls');
  const first = await ensureCertificates(folder, names, now);
  await rm(join(folder, 'ca.key'));
  const second = await ensureCertificates(folder, names, now);
  t.not(second.cert, first.cert);
  t.ok(new X509Certificate(second.cert).verify(new X509Certificate(await readFile(second.caFile)).publicKey));
});

t.test('a server certificate never outlives its authority', async (t) => {
  const folder = join(t.testdir(), 'tls');
  await ensureCertificates(folder, names, now);
  const late = await ensureCertificates(folder, names, now + AUTHORITY_LIFETIME_MS - 100 * DAY_MS);
  t.equal(new X509Certificate(late.cert).validTo, new X509Certificate(await readFile(late.caFile)).validTo);
});

t.test('a file that cannot be replaced leaves the old one and no draft', async (t) => {
  const folder = t.testdir({ file: { inside: 'a folder of that name is in the way' } });
  await t.rejects(replaceFile(join(folder, 'file'), 'new', 0o600));
  t.same(await readdir(folder), ['file']);
});

t.test('the server goes by its loopback names, the names and addresses of its machine, and the host it listens on', async (t) => {
  const machine = {
    hostname: 'desk7.example.com',
    interfaces: {
      lo: [{ address: '127.0.0.1' }, { address: '::1' }],
      eth0: [{ address: '192.0.2.7' }, { address: 'fe80::1' }],
      gone: undefined,
    },
  };
  t.same(serverNames('192.0.2.7', machine), {
    dnsNames: ['localhost', 'desk7.example.com', 'desk7'],
    ipAddresses: ['127.0.0.1', '::1', '192.0.2.7'],
  });
  t.same(serverNames('bücher.example', machine).dnsNames, ['localhost', 'desk7.example.com', 'desk7', 'xn--bcher-kva.example']);
  t.same(serverNames('0.0.0.0', machine).ipAddresses, ['127.0.0.1', '::1', '192.0.2.7'], 'an address that means all of them is left out');
});

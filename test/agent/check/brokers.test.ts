/** What `berth agent check` says of brokers: real ones on the loopback network, and whatever else may listen there. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import t, { type Test } from 'tap';
import { issueAuthority } from '../../../adapters/certificate-issuer.ts';
import { ensureCertificates } from '../../../adapters/certificates.ts';
import { systemClock } from '../../../adapters/system.ts';
import type { Clock } from '../../../domain/ports/clock.ts';
import { certificatesIn } from '../../helpers/certificates.ts';
import { about, checkedHost, troubles } from '../../helpers/checked-host.ts';

const DAY_MS = 24 * 60 * 60_000;

async function listen(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** As if the clock of this host went wrong by so much. */
const off = (ms: number): Clock => ({ ...systemClock, now: () => systemClock.now() + ms });

t.test('a broker that cannot be found or reached is told, and what hangs on it is not tried', async (t) => {
  const host = await checkedHost(t);
  const unknown = await host.check({ resolve: () => Promise.reject(new Error('getaddrinfo ENOTFOUND')) });
  t.match(about(unknown, 'broker name'), { mark: 'fail', message: /cannot be looked up \(getaddrinfo ENOTFOUND\)/, mend: /broker_host/ });
  t.match(about(unknown, 'token'), { mark: 'warn', message: 'Not tried, since no broker is well.' });
  t.match(about(await host.check({ resolve: async () => [] }), 'broker name'), { mark: 'fail' });
  await host.configure({ broker_port: 1 });
  const refused = await host.check();
  t.match(about(refused, 'broker connection'), { mark: 'fail', message: /ECONNREFUSED/, mend: /Start the broker, or correct broker_host/ });
  t.equal(about(refused, 'broker certificate'), undefined);
  t.ok(
    refused.some(({ check }) => check === 'tags'),
    'and the rest is looked at',
  );
});

t.test('one of several brokers, or addresses of one, is enough for a token', async (t) => {
  const host = await checkedHost(t);
  await host.check({ mayEnrol: true });
  await host.configure({ broker_host: ['127.0.0.1:1', `localhost:${host.broker.port}`] });
  const findings = await host.check({ resolve: async (name) => (name === 'localhost' ? ['127.0.0.1', '127.0.0.1'] : [name]) });
  t.same(troubles(findings), ['fail: broker connection', 'warn: token verifier']);
  t.match(about(findings, 'token'), { mark: 'ok' });
  t.equal(findings.filter(({ check }) => check === 'broker certificate').length, 1);
  t.ok(findings.some(({ message }) => message === 'localhost is 127.0.0.1, 127.0.0.1'));
});

t.test('what listens there and is no broker is told', async (t) => {
  const host = await checkedHost(t);
  await host.configure({
    broker_port: await listen(
      t,
      createHttpServer((_, response) => response.end()),
    ),
  });
  t.match(about(await host.check(), 'broker certificate'), { mark: 'fail', message: /does not speak TLS/, mend: /broker_port/ });
  await host.configure({
    broker_port: await listen(
      t,
      createServer((socket) => socket.on('error', () => undefined)),
    ),
  });
  const silent = await host.check({ limits: { networkMs: 100, programMs: 20_000 } });
  t.match(about(silent, 'broker certificate'), { mark: 'fail', message: /no answer within 0\.1 s/ });
});

t.test('a broker that is not the one of ca_file, or goes by another name, is not trusted', async (t) => {
  const host = await checkedHost(t);
  const strange = await certificatesIn(t.testdir());
  await host.configure({ ca_file: strange.caFile });
  const other = await host.check();
  t.match(about(other, 'broker certificate'), {
    mark: 'fail',
    message: /is not trusted \(/,
    mend: new RegExp(`to ${strange.caFile} once more`),
  });
  t.match(about(other, 'token'), { mark: 'warn' }, 'whoever that is is told no secret');
  await host.configure({ ca_file: '/nowhere/ca.pem' });
  t.match(about(await host.check(), 'ca_file'), { mark: 'fail', message: /ENOENT/ });
  await host.configure({ ca_file: strange.caFile, tls_strict: false });
  t.match(about(await host.check(), 'broker certificate'), { mark: 'warn', message: /tls_strict is off/ });
  await host.configure({ broker_host: 'broker.test' });
  const named = await host.check({ resolve: async () => ['127.0.0.1'] });
  t.match(about(named, 'broker certificate'), {
    mark: 'fail',
    message: /ERR_TLS_CERT_ALTNAME_INVALID/,
    mend: /\(localhost, 127\.0\.0\.1\) as broker_host, or add broker\.test to berth\.certificate-names/,
  });
});

t.test('without a ca_file the authorities that Node trusts count', async (t) => {
  const host = await checkedHost(t);
  await host.configureDcv('administrators=["dcvsmagent"]');
  await writeFile(host.configFile, (await readFile(host.configFile, 'utf8')).replace(/ca_file.*\n/, ''));
  t.match(about(await host.check(), 'broker certificate'), { mark: 'fail', mend: /name the copy as ca_file/ });
});

t.test('certificates before, near and after their time are told', async (t) => {
  const now = Date.now();
  const authority = await issueAuthority({ from: now - 4000 * DAY_MS, until: now + 4000 * DAY_MS });
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const of = async (time: number) => ensureCertificates(t.testdir(), { authority, names, now: time });
  const expired = await checkedHost(t, { certificates: await of(now - 1000 * DAY_MS) });
  t.match(about(await expired.check(), 'broker certificate'), { mark: 'fail', message: /CERT_HAS_EXPIRED/, mend: /Restart the broker/ });
  const early = await checkedHost(t, { certificates: await of(now + 100 * DAY_MS) });
  t.match(about(await early.check(), 'broker certificate'), { mark: 'fail', message: /CERT_NOT_YET_VALID/, mend: /clock/ });
  const host = await checkedHost(t);
  const old = about(await host.check({ clock: off(360 * DAY_MS) }), 'broker certificate');
  t.match(old, { mark: 'warn', message: /^It expires soon/, mend: /Restart the broker/ });
});

t.test('a clock that goes wrong is told, and by how much', async (t) => {
  const host = await checkedHost(t);
  t.match(about(await host.check({ clock: off(60_000) }), 'clock'), {
    mark: 'warn',
    message: /^The clock of this host is \d\d\.\d s ahead of the broker/,
  });
  t.match(about(await host.check({ clock: off(-3_600_000) }), 'clock'), {
    mark: 'fail',
    message: /s behind the broker/,
    mend: /timedatectl/,
  });
});

t.test('a broker that is cut off, or another program that speaks TLS, is told', async (t) => {
  const away = await checkedHost(t, { health: 503 });
  t.match(about(await away.check(), 'broker'), { mark: 'warn', message: /cut off from its log/ });
  const stranger = await checkedHost(t, { health: 404 });
  t.match(about(await stranger.check(), 'broker'), { mark: 'fail', message: /status 404/ });
});

/** Certificates that change while a server runs: real TLS, real files, a clock that is moved by hand. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import t, { type Test } from 'tap';
import { issueServer } from '../../../adapters/certificate-issuer.ts';
import type { StoreFile } from '../../../adapters/config.ts';
import { serveHttps } from '../../../adapters/http/serve.ts';
import { localName } from '../../../adapters/server-names.ts';
import { type DoorKeyPorts, openDoorKeys, tryKeyFiles } from '../../../adapters/tls/doors.ts';
import { newAuthority, selfSigned } from '../../helpers/certificates.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { createSimulatedClock, type SimulatedClock } from '../../helpers/simulated-clock.ts';
import { pause } from '../../helpers/until.ts';

const DAY_MS = 86_400_000;
const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
const clock = createSimulatedClock(Date.now());
const authority = await newAuthority();
const issue = (days: number) => issueServer(authority, names, { from: clock.now(), until: clock.now() + days * DAY_MS });

const storeOf = (file: string): StoreFile => ({ file, password: '', fileFrom: 'key-store-file', passwordFrom: 'key-store-pass' });
const door = { host: '127.0.0.1', port: 0, keyStore: undefined };

interface Said {
  readonly message: string;
  readonly err?: Error;
}

async function open(t: Test, doors: Partial<Parameters<typeof openDoorKeys>[1]> = {}, more: Partial<DoorKeyPorts> = {}) {
  const said: Said[] = [];
  const say = (fields: object, message: string) => void said.push({ ...fields, message });
  const ports = { folder: join(temporaryFolder(t), 'tls'), authority, names, clock, logger: { info: say, warn: say }, ...more };
  const keys = await openDoorKeys(ports, { clients: door, agents: door, gateways: undefined, ...doors });
  t.teardown(keys.stop);
  return { keys, said };
}

async function serve(t: Test, keys: Awaited<ReturnType<typeof open>>['keys']['clients'], app = new Hono()) {
  const serving = await serveHttps(app, { host: '127.0.0.1', port: 0, ...keys.current() });
  keys.follow(serving.renew);
  t.teardown(serving.close);
  return serving.port;
}

async function met(t: Test, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.cert, ...options });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

const serial = async (t: Test, port: number): Promise<string> => (await met(t, port)).getPeerCertificate().serialNumber;

/** Lets time pass until it is so. */
async function passing(clock: SimulatedClock, stepMs: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  do {
    await clock.advance(stepMs);
    await pause(20);
  } while (!(await isSo()));
}

const later = (isSo: () => boolean | Promise<boolean>) => passing(clock, 10_000, isSo);

t.test('the own certificate is renewed while the server runs, and who is connected stays so', async (t) => {
  const past = Date.now() - 340 * DAY_MS;
  const clock = createSimulatedClock(past);
  const authority = await newAuthority(past);
  const { keys, said } = await open(t, {}, { clock, authority });
  const app = new Hono().get('/', (context) =>
    stream(context, async (output) => {
      await output.write('open');
      await new Promise((resolve) => context.req.raw.signal.addEventListener('abort', resolve));
    }),
  );
  const port = await serve(t, keys.clients, app);
  const meet = () => met(t, port, { ca: authority.cert });
  const serialNow = async () => (await meet()).getPeerCertificate().serialNumber;
  const before = await meet();
  before.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(before, 'data');
  const first = before.getPeerCertificate().serialNumber;
  await clock.advance(60 * 60_000);
  t.equal(await serialNow(), first);
  clock.set(339 * DAY_MS);
  await passing(clock, 60 * 60_000, async () => (await serialNow()) !== first);
  t.ok(before.readable && before.writable, 'a stream that was open goes on');
  t.match(said, [{ message: 'The certificate of the broker was renewed.' }]);
});

t.test('a new file of the operator is used within seconds, and one that is no good is told once', async (t) => {
  const file = join(temporaryFolder(t), 'store.pem');
  const [first, second] = [await issue(100), await issue(200)];
  await writeFile(file, first.key + first.cert + authority.cert);
  const { keys, said } = await open(t, { agents: { ...door, keyStore: storeOf(file) } });
  t.not(keys.agents.current().cert, keys.clients.current().cert);
  t.equal(await readFile(keys.caFile, 'utf8'), authority.cert + authority.cert, 'local agents trust both authorities');
  t.same(keys.agentAnchors, [authority.cert]);
  const port = await serve(t, keys.agents);
  const serialBefore = await serial(t, port);

  await writeFile(file, 'half a fi');
  await later(() => said.length > 0);
  await clock.advance(10_000);
  t.match(said, [{ message: /^The certificate for agents cannot be renewed/, err: { message: /neither PEM nor PKCS#12/ } }]);
  t.equal(await serial(t, port), serialBefore);

  await writeFile(file, second.key + second.cert);
  await later(async () => (await serial(t, port)) !== serialBefore);
  t.match(said.at(-1), { message: 'The certificate for agents was renewed.' });
});

t.test('whoever asks that the files are read now does not wait, and hears again what is wrong with them', async (t) => {
  const file = join(temporaryFolder(t), 'store.pem');
  const [first, second] = [await issue(100), await issue(200)];
  await writeFile(file, first.key + first.cert);
  const { keys, said } = await open(t, { clients: { ...door, keyStore: storeOf(file) } });
  const port = await serve(t, keys.clients);
  await writeFile(file, 'half a fi');
  await keys.reload();
  await keys.reload();
  t.same(
    said.filter(({ err }) => err !== undefined).map(({ message }) => message),
    Array(2).fill('The certificate for clients cannot be renewed; the one before goes on being used.'),
  );
  await writeFile(file, second.key + second.cert);
  await keys.reload();
  t.equal(await serial(t, port), new X509Certificate(second.cert).serialNumber);
  t.match(said.slice(-2), [{ message: 'The certificate for clients was renewed.' }, { message: 'The certificates were read again.' }]);
});

t.test('a certificate that expires soon is mentioned once a day', async (t) => {
  const file = join(temporaryFolder(t), 'store.pem');
  const pair = await issue(10);
  await writeFile(file, pair.key + pair.cert);
  const { said } = await open(t, { clients: { ...door, keyStore: storeOf(file) } });
  await clock.advance(10_000);
  t.match(said, [{ message: /^The certificate for clients expires soon/ }]);
  t.equal(said.length, 1);
});

t.test('a gateway has to show a certificate of an authority that is trusted, where that is asked for', async (t) => {
  const [trusted, other] = [selfSigned('gateway'), selfSigned('stranger')];
  const file = join(temporaryFolder(t), 'trust.pem');
  await writeFile(file, trusted.cert);
  const { keys } = await open(t, { gateways: { ...door, trustStore: storeOf(file) } });
  t.equal(keys.gateways?.current().cert, keys.clients.current().cert);
  const port = await serve(
    t,
    keys.gateways ?? keys.clients,
    new Hono().get('/', (context) => context.text('hello')),
  );
  const ask = async (pair?: { readonly key: string; readonly cert: string }): Promise<string> => {
    const socket = await met(t, port, pair && { key: pair.key, cert: pair.cert });
    socket.setEncoding('utf8');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const said: string[] = [];
    socket.on('data', (text: string) => said.push(text));
    socket.on('error', ({ message }) => said.push(message));
    await new Promise((resolve) => socket.on('close', resolve));
    return said.join('');
  };
  t.match(await ask(trusted), /hello$/);
  t.notMatch(await ask(other), 'hello');
  t.notMatch(await ask(), 'hello');
  await writeFile(file, trusted.cert + other.cert);
  await later(() => keys.gateways?.current().clientAuthorities?.length === 2);
  t.match(await ask(other), /hello$/);
});

t.test('files that are no good are found before a start', async (t) => {
  const missing = storeOf('/nowhere/store');
  await t.rejects(tryKeyFiles({ clients: { ...door, keyStore: missing }, agents: door, gateways: undefined }, clock.now()), /nowhere/);
  await t.rejects(tryKeyFiles({ clients: door, agents: door, gateways: { ...door, trustStore: missing } }, clock.now()), /nowhere/);
  await tryKeyFiles({ clients: door, agents: door, gateways: undefined }, clock.now());
});

t.test('programs on this machine reach a door by a name that is in its certificate', async (t) => {
  const named = (dnsNames: readonly string[], ipAddresses: readonly string[] = []) =>
    issueServer(authority, { dnsNames, ipAddresses }, { from: clock.now(), until: clock.now() + DAY_MS });
  const both = await named(['localhost'], ['127.0.0.1', '::1']);
  t.equal(localName('0.0.0.0', both.cert), '127.0.0.1');
  t.equal(localName('::', both.cert), '::1');
  t.equal(localName('localhost', both.cert), 'localhost');
  t.equal(localName('0.0.0.0', (await named(['*.example.com', 'broker.example.com'])).cert), 'broker.example.com');
  t.equal(localName('0.0.0.0', (await named(['*.example.com'])).cert), '127.0.0.1');
});

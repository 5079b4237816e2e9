/** Callers who mean harm, on real sockets: what they get, what is counted, and that others are served meanwhile. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { createLimitCounters } from '../../adapters/http/protection.ts';
import { type ServerLimits, serveHttps } from '../../adapters/http/serve.ts';
import { certificatesIn } from '../helpers/certificates.ts';
import { createTestApi } from '../helpers/client-api.ts';
import { pause, until } from '../helpers/until.ts';

async function attacked(t: Test, limits: Partial<ServerLimits> = {}) {
  const { app, token } = await createTestApi(t);
  const { caFile, key, cert } = await certificatesIn(t.testdir());
  const counters = createLimitCounters();
  const serving = await serveHttps(app, { host: '127.0.0.1', port: 0, key, cert, limits, counters });
  t.teardown(serving.close);
  const ca = await readFile(caFile, 'utf8');
  const open = async (): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port: serving.port, ca });
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  };
  /** Everything that comes back until the connection is closed. */
  const say = async (text: string, socket?: TLSSocket): Promise<string> => {
    const used = socket ?? (await open());
    const parts: string[] = [];
    used.setEncoding('utf8').on('data', (part: string) => parts.push(part));
    used.write(text);
    if (!used.closed) await new Promise((resolve) => used.once('close', resolve));
    return parts.join('');
  };
  const lines = (...headers: string[]) => `${[...headers, 'host: x', 'connection: close', '', ''].join('\r\n')}`;
  return { port: serving.port, counts: counters.counts, open, say, lines, bearer: `authorization: Bearer ${token}` };
}

t.test('whoever sends a request drop by drop is given up, headers and body alike, and others are served meanwhile', async (t) => {
  const { counts, open, say, lines } = await attacked(t, { headersTimeoutMs: 500, requestTimeoutMs: 1000 });
  const drip = async (begin: string): Promise<string> => {
    const socket = await open();
    const dripping = setInterval(() => socket.writable && socket.write('a'), 50);
    return say(begin, socket).finally(() => clearInterval(dripping));
  };
  const slow = [
    drip('GET / HTTP/1.1\r\nhost: x\r\nx-slow: '),
    drip('POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n'),
  ];
  t.match(await say(lines('GET /health HTTP/1.1')), /^HTTP\/1\.1 200 /);
  for (const answer of await Promise.all(slow)) t.match(answer, /^HTTP\/1\.1 408 |^$/);
  await until('both are counted', () => counts()['request-timeout'] === 2);
});

t.test('whoever does not even shake hands is given up', async (t) => {
  const { port, counts } = await attacked(t, { handshakeTimeoutMs: 200 });
  const socket = connectPlain(port, '127.0.0.1').resume();
  await once(socket, 'close');
  await until('it is counted', () => counts()['handshake-timeout'] === 1);
});

t.test('one address does not get all connections, and gets new ones when it lets go', async (t) => {
  const { port, counts, open, say, lines } = await attacked(t, { maxConnectionsPerAddress: 3 });
  const [first, second] = [await open(), await open(), await open()];
  const dropped = connectPlain(port, '127.0.0.1').resume();
  dropped.on('error', () => undefined);
  await new Promise((resolve) => dropped.once('close', resolve));
  t.match(counts(), { 'connections-of-address': 1 });
  first?.destroy();
  second?.destroy();
  await pause(100);
  t.match(await say(lines('GET /health HTTP/1.1')), /^HTTP\/1\.1 200 /);
});

t.test('no more connections are taken than there may be', async (t) => {
  const { port, counts, open } = await attacked(t, { maxConnections: 1 });
  await open();
  const dropped = connectPlain(port, '127.0.0.1').resume();
  dropped.on('error', () => undefined);
  await new Promise((resolve) => dropped.once('close', resolve));
  t.match(counts(), { connections: 1 });
});

t.test('headers beyond their size, and too many of them, are refused', async (t) => {
  const { counts, say, lines } = await attacked(t);
  t.match(await say(lines('GET /health HTTP/1.1', `x: ${'y'.repeat(20_000)}`)), /^HTTP\/1\.1 431 /);
  t.match(await say(lines('GET /health HTTP/1.1', ...Array.from({ length: 3000 }, (_, index) => `x${index}: y`))), /^HTTP\/1\.1 431 /);
  t.match(counts(), { 'header-bytes': 2 });
});

t.test('no address leads out of what is served', async (t) => {
  const { say, lines, bearer } = await attacked(t);
  for (const path of [
    '/../../../../etc/passwd',
    '/docs/../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/docs/..%2f..%2fetc%2fpasswd',
    '//etc/passwd',
    '/docs%00.html',
    'http://127.0.0.1/etc/passwd',
  ]) {
    const answer = await say(lines(`GET ${path} HTTP/1.1`, bearer));
    t.match(answer, /^HTTP\/1\.1 40[04] /, path);
    t.notMatch(answer, 'root:', path);
  }
});

t.test('nothing that a caller sends becomes a header or another request', async (t) => {
  const { say, lines, bearer } = await attacked(t);
  const injected = await say(lines('GET /sessionConnectionData/x%0d%0aset-cookie:%20a=b/y%0d%0ax-evil:%201 HTTP/1.1', bearer));
  t.notMatch(injected, /^(?:set-cookie|x-evil):/im);
  const folded = await say(`${lines('POST /describeSessions HTTP/1.1', `${bearer}\r\n x-evil: 1`, 'content-length: 2')}{}`);
  t.match(folded, /^HTTP\/1\.1 40[01] /);
  for (const [name, text] of [
    ['two lengths', lines('POST /describeSessions HTTP/1.1', bearer, 'content-length: 2', 'content-length: 40')],
    ['a length and chunks', lines('POST /describeSessions HTTP/1.1', bearer, 'content-length: 2', 'transfer-encoding: chunked')],
    ['chunks, disguised', lines('POST /describeSessions HTTP/1.1', bearer, 'content-length: 2', 'transfer-encoding : chunked')],
    ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
  ] as const) {
    t.match(await say(`${text}{}GET /health HTTP/1.1\r\nhost: x\r\n\r\n`), /^HTTP\/1\.1 400 /, name);
  }
  const position = await say(`${lines('POST /describeSessions HTTP/1.1', bearer, 'berth-position: 1\tx', 'content-length: 2')}{}`);
  t.match(position, /^HTTP\/1\.1 400 /);
});

t.test('whoever begins to shake hands and does not go on is given up', async (t) => {
  const { port, counts } = await attacked(t, { handshakeTimeoutMs: 300 });
  // The head of a record that announces 512 bytes, of which one comes now and then.
  const socket = connectPlain(port, '127.0.0.1').resume();
  socket.on('error', () => undefined);
  socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  const dripping = setInterval(() => socket.writable && socket.write(Buffer.alloc(1)), 50);
  await new Promise((resolve) => socket.once('close', resolve)).finally(() => clearInterval(dripping));
  await until('it is counted', () => counts()['handshake-timeout'] === 1);
});

t.test('whoever ends their side is still answered, and then let go', async (t) => {
  const { open } = await attacked(t);
  const socket = await open();
  const parts: string[] = [];
  socket.setEncoding('utf8').on('data', (part: string) => parts.push(part));
  socket.end('GET /health HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'close');
  t.match(parts.join(''), /^HTTP\/1\.1 200 /);
});

t.test('requests that come all at once are answered one after another, each once', async (t) => {
  const { say, lines } = await attacked(t);
  const paths = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? '/health' : '/nowhere'));
  const all = paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join('');
  const answers = await say(`${all}${lines('GET /health HTTP/1.1')}`);
  const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
  t.strictSame(statuses, [...paths.map((path) => (path === '/health' ? '200' : '404')), '200']);
});

t.test('what cannot be expected, and a request that names no host, are refused in the shape of every error', async (t) => {
  const { say, lines } = await attacked(t);
  const expecting = await say(lines('GET /health HTTP/1.1', 'expect: 200-ok'));
  t.match(expecting, /^HTTP\/1\.1 417 /);
  t.match(expecting, /\{"error":"Expect: only 100-continue is known here\."\}$/);
  t.match(
    await say('GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'),
    /^HTTP\/1\.1 400 [\s\S]*\{"error":"The request has no valid address or host\."\}$/,
  );
});

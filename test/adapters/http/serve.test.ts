/** Serving over TLS: real sockets, real certificates. */
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { Hono } from 'hono';
import { stream } from 'hono/streaming';
import t from 'tap';
import { type ServeOptions, type Serving, serveHttps } from '../../../adapters/http/serve.ts';
import { certificatesIn } from '../../helpers/certificates.ts';
import { createTestApi } from '../../helpers/client-api.ts';

type Test = Parameters<typeof createTestApi>[0];

async function serve(t: Test, app: Pick<Hono, 'fetch'>, limits: ServeOptions['limits'] = {}): Promise<Serving & { ca: string }> {
  const { caFile, key, cert } = await certificatesIn(t.testdir());
  const serving = await serveHttps(app, { host: '127.0.0.1', port: 0, key, cert, limits });
  t.teardown(serving.close);
  return { ...serving, ca: await readFile(caFile, 'utf8') };
}

/** Says `text` on a TLS connection and gives everything that comes back until it is closed. */
function say({ port, ca }: { port: number; ca: string }, text: string, socketMade: (socket: TLSSocket) => void = () => undefined) {
  return new Promise<string>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca }, () => socket.write(text));
    let answer = '';
    socketMade(socket);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

const hello = () => new Hono().get('/', (context) => context.text('hello'));

t.test('requests are answered over TLS with a certificate that clients can verify', async (t) => {
  const { port, ca } = await serve(t, hello());
  const status = await new Promise((resolve, reject) => {
    get({ host: 'localhost', port, ca, agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
  t.equal(status, 200);
});

t.test('TLS older than 1.2 is not spoken', async (t) => {
  const { port, ca } = await serve(t, hello());
  const outcome = await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }, () => {
      socket.destroy();
      resolve('connected');
    });
    socket.on('error', ({ message }) => resolve(message));
  });
  t.match(outcome, /alert protocol version|unsupported protocol/);
});

t.test('a taken port is told in one sentence with its address', async (t) => {
  const { port } = await serve(t, hello());
  const { key, cert } = await certificatesIn(t.testdir());
  await t.rejects(serveHttps(hello(), { host: '127.0.0.1', port, key, cert }), {
    message: `Cannot listen on 127.0.0.1 port ${port}: another program uses this port`,
  });
  await t.rejects(serveHttps(hello(), { host: '203.0.113.1', port: 0, key, cert }), {
    message: 'Cannot listen on 203.0.113.1 port 0: this machine has no such address',
  });
  await t.rejects(serveHttps(hello(), { host: 'nowhere.invalid', port: 0, key, cert }), {
    message: /^Cannot listen on nowhere\.invalid port 0: getaddrinfo/,
  });
});

t.test('what is no HTTP is answered in the shape of every error', async (t) => {
  const serving = await serve(t, hello(), { maxHeaderBytes: 1024 });
  for (const [text, status, error] of [
    ['nonsense\r\n\r\n', '400 Bad Request', 'Bad Request'],
    [
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(2000)}\r\n\r\n`,
      '431 Request Header Fields Too Large',
      'Request Header Fields Too Large',
    ],
  ] as const) {
    const answer = await say(serving, text);
    t.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer);
    t.ok(answer.endsWith(JSON.stringify({ error })), answer);
  }
});

t.test('a request to an address that is none is refused', async (t) => {
  const serving = await serve(t, hello());
  const answer = await say(serving, 'GET /a\\b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  t.match(answer, /^HTTP\/1.1 400 /);
  t.ok(answer.includes('{"error":"The request has no valid address or host."}'));
});

t.test('a request that does not come to an end is given up', async (t) => {
  const serving = await serve(t, hello(), { headersTimeoutMs: 200, requestTimeoutMs: 200 });
  t.match(await say(serving, 'GET / HTTP/1.1\r\nhost: x\r\n'), /^HTTP\/1.1 408 /);
});

t.test('a client that hangs up in the middle of a request does no harm', async (t) => {
  const serving = await serve(t, hello());
  await say(serving, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc', (socket) => {
    socket.once('secureConnect', () => setTimeout(() => socket.destroy(), 50));
  });
  const raw = connectPlain(serving.port, '127.0.0.1');
  const secure = connect({ socket: raw, ca: serving.ca }, () =>
    secure.write('GET / HTT', () => setTimeout(() => raw.resetAndDestroy(), 50)),
  );
  secure.on('error', () => undefined);
  await once(secure, 'close');
  t.match(await say(serving, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), /hello$/);
});

t.test('an answer may take longer than a request', async (t) => {
  const app = new Hono().get('/', (context) =>
    stream(context, async (output) => {
      await output.write('first ');
      await output.sleep(2000);
      await output.write('last');
    }),
  );
  const serving = await serve(t, app, { requestTimeoutMs: 600, headersTimeoutMs: 600, keepAliveTimeoutMs: 100 });
  t.match(await say(serving, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), /first [\s\S]*last/);
});

t.test('a body that never ends is refused at the limit, and its connection closed', async (t) => {
  const { app, token } = await createTestApi(t, { limits: { bodyBytes: 1000 } });
  const { port, ca } = await serve(t, app);
  const headers = { authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' };
  const { status, connection } = await new Promise<{ status?: number | undefined; connection?: string | undefined }>((resolve) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      ca,
      method: 'POST',
      path: '/describeSessions',
      headers,
      agent: false,
    });
    const feeding = setInterval(() => sent.write('x'.repeat(100)), 1);
    sent.on('error', () => clearInterval(feeding));
    sent.on('response', (answer) => {
      clearInterval(feeding);
      resolve({ status: answer.statusCode, connection: answer.headers.connection });
      sent.destroy();
    });
  });
  t.strictSame([status, connection], [413, 'close']);
});

t.test('closing lets a request under way end, and ends it when it takes too long', async (t) => {
  for (const [closeTimeoutMs, pattern] of [
    [5000, /done$/],
    [50, /^$/],
  ] as const) {
    const begun = new EventEmitter();
    const isBegun = once(begun, 'request');
    const app = new Hono().get('/', async (context) => {
      begun.emit('request');
      await new Promise((resolve) => setTimeout(resolve, 400));
      return context.text('done');
    });
    const serving = await serve(t, app, { closeTimeoutMs });
    const answer = say(serving, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await isBegun;
    await serving.close();
    t.match(await answer, pattern);
  }
});

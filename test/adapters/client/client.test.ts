/** What the client makes of servers that are not as they ought to be: real ones, on real connections. */
import { createServer as createPlainServer, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ensureCertificates } from '../../../adapters/certificates.ts';
import { createClient } from '../../../adapters/client/client.ts';
import { networkFault } from '../../../adapters/client/network-fault.ts';
import { newAuthority } from '../../helpers/certificates.ts';

const authority = newAuthority();

async function listening(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function broker(t: Test, answer: RequestListener, names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }) {
  const certificates = await ensureCertificates(join(t.testdir(), 'tls'), { authority: await authority, names, now: Date.now() });
  const server = createServer(certificates, answer);
  return `https://127.0.0.1:${await listening(t, server)}`;
}

async function ask(t: Test, brokerUrl: string, access: Parameters<typeof createClient>[0]['access'] = { token: 'token' }) {
  const client = createClient({ brokerUrl, access, ca: (await authority).cert, verify: true }, { timeoutMs: 1000 });
  t.teardown(client.close);
  return client.call('describeSessions', {});
}

const answering =
  (status: number, body: string): RequestListener =>
  (_, response) => {
    response.writeHead(status).end(body);
  };

t.test('an answer is passed on as it came, with what is new in it', async (t) => {
  const body = { RequestId: 'r', Sessions: [{ Id: 'a', Colour: 'pink' }], Count: 1 };
  t.same(await ask(t, await broker(t, answering(200, JSON.stringify(body)))), body);
});

t.test('what answers and is no session manager is told apart', async (t) => {
  for (const body of ['', '<html>', '{"Sessions":{}}', '[]', '{"Sessions":[{"Id":1,"Colour":2}]}']) {
    await t.rejects(ask(t, await broker(t, answering(200, body))), { exitCode: 254, message: /is no session manager/ });
  }
});

t.test('an error tells what the broker said, and whether to try again', async (t) => {
  const said = JSON.stringify({ error: 'Because.' });
  const cases = [
    [400, said, 'The broker answered 400: Because.', false],
    [403, said, 'This client may not do that (403: Because.). Get a token that may into DCV_SM_OAUTH2_TOKEN.', false],
    [401, said, /The broker does not take the token \(401: Because\.\)/, false],
    [429, '', 'The broker answered 429: without a reason Try again shortly.', true],
    [503, 'x'.repeat(9999), `The broker answered 503: ${'x'.repeat(500)} Try again shortly.`, true],
  ] as const;
  for (const [status, body, message, passes] of cases) {
    await t.rejects(ask(t, await broker(t, answering(status, body))), { exitCode: 254, message, passes });
  }
});

t.test('an authorization server is told apart from the broker', async (t) => {
  const credentials = async (status: number, body: string) => ({
    authServerUrl: `${await broker(t, answering(status, body))}/token`,
    id: 'id',
    password: 'password',
  });
  const url = await broker(t, answering(401, '{"error":"no"}'));
  await t.rejects(ask(t, url, await credentials(401, '{"error":"invalid_client","error_description":"Unknown."}')), {
    message: 'The authorization server does not take these credentials (401: Unknown.). Check the client id and its password.',
  });
  const forbidden = await broker(t, (request, response) => {
    const isToken = request.url === '/oauth2/token';
    response.writeHead(isToken ? 200 : 403).end(isToken ? '{"access_token":"t"}' : '{"error":"Because."}');
  });
  await t.rejects(ask(t, forbidden, { authServerUrl: `${forbidden}/oauth2/token`, id: 'id', password: 'password' }), {
    message: /^This client may not do that \(403: Because\.\)\. Use another client, or have one registered that may/,
  });
  await t.rejects(ask(t, url, await credentials(400, '{"error":"invalid_scope","error_description":"No such scope."}')), {
    message: 'This client gets no such token (400: No such scope.). Check scope in --auth-server-url.',
  });
  await t.rejects(ask(t, url, await credentials(500, 'oops')), { message: /gives no token \(500: oops\)/, passes: true });
  await t.rejects(ask(t, url, await credentials(200, '{"access_token":""}')), { message: /gives no token \(200/ });
  await t.rejects(ask(t, url, await credentials(200, '{"access_token":"t"}')), { message: /that this broker trusts/ });
});

t.test('a token that has expired is replaced once', async (t) => {
  let [tokens, calls] = [0, 0];
  const url = await broker(t, (request, response) => {
    if (request.url === '/token') {
      tokens += 1;
      return void response.end(JSON.stringify({ access_token: `t${tokens}` }));
    }
    calls += 1;
    response.writeHead(request.headers.authorization === 'Bearer t1' && calls > 1 ? 401 : 200).end('{"Sessions":[]}');
  });
  const access = { authServerUrl: `${url}/token`, id: 'id', password: 'password' };
  const client = createClient({ brokerUrl: url, access, ca: (await authority).cert, verify: true });
  t.teardown(client.close);
  await client.call('describeSessions', {});
  await client.call('describeSessions', {});
  t.same([tokens, calls], [2, 3]);
});

t.test('a connection that does not come about says what to do', async (t) => {
  const names = { dnsNames: ['elsewhere'], ipAddresses: ['127.0.0.9'] };
  await t.rejects(ask(t, await broker(t, answering(200, '{}'), names)), {
    exitCode: 255,
    message: /is for another name .*--broker-url/,
    passes: false,
  });
  const plain = await listening(t, createPlainServer(answering(200, '{}')));
  await t.rejects(ask(t, `https://127.0.0.1:${plain}`), { exitCode: 255, message: /TLS.*Check the port/, passes: false });
  await t.rejects(ask(t, await broker(t, () => undefined)), { message: /took too long to answer/, passes: true });
  await t.rejects(ask(t, await broker(t, (request) => request.socket.destroy())), { message: /broke the connection/, passes: true });
  const strange = await listening(
    t,
    createTcpServer((socket) => socket.end('SSH-2.0-x\r\n')),
  );
  await t.rejects(ask(t, `http://127.0.0.1:${strange}`), { exitCode: 255, message: /does not speak HTTP/ });
});

t.test('each way in which a network fails has its sentence', (t) => {
  const reached = { url: 'https://broker:8443', what: 'broker', flag: '--broker-url' };
  const coded = (code: string) => networkFault(Object.assign(new Error(`it is ${code}`), { code }), reached);
  for (const code of ['EAI_AGAIN', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH'])
    t.match(coded(code), { passes: true });
  for (const code of ['EAI_AGAIN', 'ENOTFOUND']) t.match(coded(code).message, 'The host broker ');
  for (const code of ['EHOSTUNREACH', 'ENETUNREACH']) t.match(coded(code).message, 'There is no way to https://broker:8443.');
  for (const code of ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']) t.match(coded(code).message, 'https://broker:8443 does not answer.');
  for (const code of ['EPIPE', 'ECONNRESET']) t.match(coded(code).message, 'broke the connection');
  t.match(coded('UND_ERR_BODY_TIMEOUT').message, 'took too long to answer');
  t.match(coded('CERT_HAS_EXPIRED').message, 'has expired');
  t.match(coded('EPROTO').message, 'TLS with https://broker:8443 failed (it is EPROTO)');
  for (const code of ['CERT_SIGNATURE_FAILURE', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'])
    t.match(coded(code).message, '--ca-bundle');
  t.equal(coded('EWHATEVER').message, 'https://broker:8443 cannot be reached: it is EWHATEVER');
  const both = new AggregateError([Object.assign(new Error('no'), { code: 'ECONNREFUSED' })]);
  t.match(networkFault(new Error('outer', { cause: both }), reached).message, 'connection refused');
  t.end();
});

/** What the client API tells the audit of requests and items that it turns down. */
import t, { type Test } from 'tap';
import type { Application } from '../../../adapters/application.ts';
import type { RefusedAttempt } from '../../../domain/attempt/events.ts';
import type { Origin } from '../../../domain/facts.ts';
import { addServers, CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';

interface Told {
  readonly attempt: RefusedAttempt;
  readonly origin: Origin;
}

async function setUp(t: Test, broken: Partial<Application> = {}) {
  const told: Told[] = [];
  const api = await createTestApi(t, { broken, attempts: { refused: (attempt, origin) => void told.push({ attempt, origin }) } });
  return { ...api, told, attempts: () => told.map(({ attempt }) => JSON.parse(JSON.stringify(attempt)) as RefusedAttempt) };
}

const BASIC = (id: string, password: string) => `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`;
const KNOWN = { cause: { kind: 'client', id: CLIENT_ID } };
const STRANGER = { cause: { kind: 'broker', id: 'client-api' } };

t.test('items that are turned down are told one by one, with whom they were about', async (t) => {
  const { call, told, attempts } = await setUp(t);
  const { body } = await call('POST', '/deleteSessions', [{ SessionId: 'nobody', Owner: 'bob' }, { Owner: 'bob' }]);
  await call('PUT', '/sessionPermissions', [
    { SessionId: 'nobody', Owner: 'bob', PermissionsFile: 'W3Blcm1pc3Npb25zXQ==' },
    { PermissionsFile: '!' },
  ]);
  await call('POST', '/openServers', [{ ServerId: 'none' }]);
  await call('POST', '/closeServers', [{ ServerId: 'none' }, {}]);
  await call('POST', '/getSessionScreenshots', [{ SessionId: 'nobody' }]);
  const notFound = { status: 200, code: 'SESSION_NOT_FOUND', reason: 'The requested dcvSession does not exist' };
  const noServer = { status: 200, code: 'DCV_SERVER_NOT_FOUND', reason: 'Dcv server not found.', target: 'server-none' };
  const invalid = { status: 200, code: 'INVALID_REQUEST' };
  t.same(attempts(), [
    { operation: 'deleteSessions', ...notFound, target: 'session-nobody', owner: 'bob' },
    { operation: 'deleteSessions', ...invalid, reason: 'SessionId is missing.', owner: 'bob' },
    { operation: 'updateSessionPermissions', ...notFound, target: 'session-nobody', owner: 'bob' },
    {
      operation: 'updateSessionPermissions',
      ...invalid,
      reason: 'SessionId is missing. Owner is missing. PermissionsFile is not base64.',
    },
    { operation: 'openServers', ...noServer },
    { operation: 'closeServers', ...noServer },
    { operation: 'closeServers', ...invalid, reason: 'ServerId is missing.' },
    { operation: 'getSessionScreenshots', ...notFound, reason: 'Dcv session not found.', target: 'session-nobody' },
  ]);
  t.match(told[0]?.origin, { ...KNOWN, requestId: body['RequestId'] });
});

t.test('a session that was refused has a history of its own, so only what is no request at all is told', async (t) => {
  const { call, attempts } = await setUp(t);
  await call('POST', '/createSessions', [
    { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' },
    { Name: 'desk', Owner: 'ann', Type: 'DESK' },
  ]);
  t.same(attempts(), [
    { operation: 'createSessions', status: 200, code: 'INVALID_REQUEST', reason: 'Type must be VIRTUAL or CONSOLE.', owner: 'ann' },
  ]);
});

t.test('what succeeds, and what only has to wait, is not told', async (t) => {
  const busy = { rejected: { code: 'BUSY', reason: 'The broker is busy.' } };
  const api = await setUp(t, { openServers: async () => [busy, busy] });
  addServers(api, 1);
  const { body } = await api.call('POST', '/createSessions', [{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  const [{ Id: id }] = body['SuccessfulList'] as [{ Id: string }];
  const [view] = (await api.application.describeSessions({ limit: 1 })).items;
  if (view) api.application.putSession({ ...view, state: 'CREATING' });
  t.equal((await api.call('GET', `/sessionConnectionData/${id}/ann`)).status, 400);
  await api.call('POST', '/openServers', [{ ServerId: 'a' }, { ServerId: 'b' }]);
  t.same(api.attempts(), []);
});

t.test('requests that are turned down as a whole are told with their status', async (t) => {
  const { call, attempts, send } = await setUp(t);
  for (const [method, path, body] of [
    ['POST', '/deleteSessions', '{'],
    ['POST', '/deleteSessions', { 'my secret is "hunter2"': 1 }],
    ['POST', '/describeSessions', { Filters: [{ Key: 'hunter2', Value: 'x' }] }],
    ['GET', '/sessionConnectionData/nobody/ann'],
    ['GET', '/sessions/nobody/history'],
    ['POST', '/describeSessions', 'x'.repeat(1024 * 1024 + 1)],
  ] as const) {
    await call(method, path, body);
  }
  const invalid = { status: 400, code: 'INVALID_REQUEST' };
  t.match(attempts(), [
    { operation: 'deleteSessions', ...invalid, reason: 'The request body is not JSON.' },
    { operation: 'deleteSessions', ...invalid },
    { operation: 'describeSessions', ...invalid, reason: 'Filters[0].Key: "…" is not known; use owner, name, state, server or tag:<key>.' },
    { operation: 'GetSessionConnectionData', status: 400, code: 'SESSION_NOT_FOUND', target: 'session-nobody' },
    { operation: 'getSessionHistory', status: 404, code: 'NOT_FOUND', target: 'session-nobody' },
    { operation: 'describeSessions', status: 413, code: 'TOO_LARGE' },
  ]);
  t.notMatch(JSON.stringify(attempts()), 'hunter2', 'and nothing that the caller wrote');
  const before = attempts().length;
  t.equal((await send('/nowhere')).status, 404);
  t.equal(attempts().length, before, 'a path that is no operation is none');
});

t.test('a key that was used for another request is told', async (t) => {
  const { app, token, attempts } = await setUp(t);
  const send = (body: string) =>
    app.request('/openServers', { method: 'POST', headers: { authorization: `Bearer ${token}`, 'idempotency-key': 'k' }, body });
  await send('[]');
  t.equal((await send('[{}]')).status, 422);
  t.match(attempts(), [{ operation: 'openServers', status: 422, code: 'KEY_REUSED' }]);
});

t.test('tokens that are no good are told with whom they say they are of; none at all is no attempt', async (t) => {
  const { send, told, attempts, token, clients, clock } = await setUp(t);
  const ask = (value: string) => send('/describeSessions', { method: 'POST', headers: { authorization: value } });
  await send('/describeSessions', { method: 'POST' });
  t.same(told, []);
  await ask('Basic abc');
  await ask('Bearer nonsense');
  await ask(`Bearer ${token.slice(0, -4)}AAAA`);
  const forged = ['x'.repeat(5), Buffer.from(JSON.stringify({ sub: 'hunter2' })).toString('base64url'), 'x'].join('.');
  await ask(`Bearer ${forged}`);
  await ask(`Bearer ${'x'.repeat(5000)}`);
  clients.delete(CLIENT_ID);
  await ask(`Bearer ${token}`);
  await clock.advance(3_600_000);
  await ask(`Bearer ${token}`);
  const refused = { operation: 'describeSessions', status: 401 };
  t.same(
    attempts().map(({ code, claimedClient }) => [code, claimedClient]),
    [
      ['INVALID_TOKEN', undefined],
      ['INVALID_TOKEN', undefined],
      ['INVALID_TOKEN', CLIENT_ID],
      ['INVALID_TOKEN', undefined],
      ['INVALID_TOKEN', undefined],
      ['CLIENT_UNREGISTERED', CLIENT_ID],
      ['EXPIRED_TOKEN', CLIENT_ID],
    ],
  );
  for (const { attempt, origin } of told) {
    t.match(attempt, refused);
    t.match(origin, STRANGER);
  }
});

t.test('wrong passwords are told with the client, and never with what was typed', async (t) => {
  const { send, told, attempts } = await setUp(t);
  const ask = (authorization: string, query = '?grant_type=client_credentials') =>
    send(`/oauth2/token${query}`, { method: 'POST', headers: { authorization } });
  await ask(BASIC(CLIENT_ID, 'hunter2'));
  await ask(BASIC('hunter2', CLIENT_ID));
  await ask('Basic !!!');
  await ask(BASIC(CLIENT_ID, 'hunter2'), '?grant_type=password');
  await ask(BASIC(CLIENT_ID, 'hunter2'), '');
  await send('/oauth2/token', { method: 'POST', body: 'x'.repeat(16_385) });
  t.match(attempts(), [
    { operation: '/oauth2/token', status: 401, code: 'INVALID_CLIENT', claimedClient: CLIENT_ID },
    { operation: '/oauth2/token', status: 401, code: 'INVALID_CLIENT', claimedClient: undefined },
    { status: 401, code: 'INVALID_CLIENT' },
    { status: 400, code: 'UNSUPPORTED_GRANT_TYPE' },
    { status: 400, code: 'INVALID_REQUEST' },
    { status: 413, code: 'TOO_LARGE' },
  ]);
  t.notMatch(JSON.stringify(attempts()), 'hunter2');
  t.match(told[0]?.origin, STRANGER);
});

t.test('a fault of the broker is not the attempt of anyone', async (t) => {
  const { call, told } = await setUp(t, { describeSessions: () => Promise.reject(new Error('insides')) });
  t.equal((await call('POST', '/describeSessions')).status, 500);
  t.same(told, []);
});

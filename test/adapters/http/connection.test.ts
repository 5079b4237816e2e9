/** GetSessionConnectionData. */
import t from 'tap';
import { createTestApi, type TestApi } from '../../helpers/client-api.ts';

const putSession = (api: TestApi, state: 'READY' | 'CREATING' = 'READY') =>
  api.application.putSession({
    id: 'one',
    name: 'desk',
    owner: 'ann',
    sessionType: 'VIRTUAL',
    state,
    creationTime: 0,
    connections: 0,
  });

t.test('a client is given the session and a token, and no RequestId', async (t) => {
  const api = await createTestApi(t);
  putSession(api);
  const { status, body } = await api.call('GET', '/sessionConnectionData/one/ann');
  t.equal(status, 200);
  t.strictSame(Object.keys(body), ['Session', 'ConnectionToken']);
  t.match(body, { Session: { Id: 'one', State: 'READY' }, ConnectionToken: 'token-for-ann' });
});

t.test('names survive percent-encoding, a domain and its backslash included', async (t) => {
  const api = await createTestApi(t);
  putSession(api);
  for (const user of ['DOMAIN\\ann', 'a b', 'a/b', 'ann@example.org', '100%', 'ä?#+', '..%5C']) {
    const { body } = await api.call('GET', `/sessionConnectionData/one/${encodeURIComponent(user)}`);
    t.equal(body['ConnectionToken'], `token-for-${user}`, user);
  }
});

t.test('a path that is not percent-encoded correctly is refused', async (t) => {
  const api = await createTestApi(t);
  for (const user of ['%', '%zz', '%E0%A4', 'a%5']) {
    const { status, body } = await api.call('GET', `/sessionConnectionData/one/${user}`);
    t.strictSame([status, body], [400, { error: 'The path is not percent-encoded correctly.' }], user);
  }
});

t.test('names that nobody has are refused', async (t) => {
  const api = await createTestApi(t);
  for (const [path, error] of [
    [`${'x'.repeat(101)}/ann`, 'sessionId is longer than 100 characters.'],
    ['one/%00', 'user has characters that cannot be used.'],
    ['one/%20', 'user is missing.'],
  ]) {
    const { status, body } = await api.call('GET', `/sessionConnectionData/${path}`);
    t.strictSame([status, body], [400, { error }]);
  }
});

t.test('an unknown session and one that is not READY are refused in the words that clients look for', async (t) => {
  const api = await createTestApi(t);
  putSession(api, 'CREATING');
  const unknown = await api.call('GET', '/sessionConnectionData/nobody/ann');
  t.strictSame([unknown.status, unknown.body], [400, { error: 'The requested dcvSession does not exist' }]);
  const unready = await api.call('GET', '/sessionConnectionData/one/ann');
  t.equal(unready.status, 400);
  t.match(unready.body, { error: /not in READY/ });
});

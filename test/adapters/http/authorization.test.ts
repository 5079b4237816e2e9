/** Who may call: the bearer token of every operation. */
import t from 'tap';
import { operations } from '../../../adapters/http/operations.ts';
import { CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';

t.test('every operation wants a token before it looks at anything else', async (t) => {
  const { send } = await createTestApi(t);
  for (const { method, path } of operations) {
    const answer = await send(path, { method });
    t.strictSame([answer.status, answer.body], [401, { error: 'No authorization header' }], path);
    t.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }
});

t.test('the sentence that scripts wait for comes before the path is looked at', async (t) => {
  const { send } = await createTestApi(t);
  t.match(await send('/sessionConnectionData/aSession/%zz'), { status: 401, body: { error: 'No authorization header' } });
});

t.test('anything that is not a bearer token is refused', async (t) => {
  const { send } = await createTestApi(t);
  for (const authorization of ['', 'Bearer', 'Bearer ', 'Basic YTpi', 'x', 'Bearer a b', 'Bearer ä', 'Bearerx']) {
    const answer = await send('/describeSessions', {
      method: 'POST',
      headers: { authorization: Buffer.from(authorization).toString('latin1') },
    });
    t.equal(answer.status, 401, authorization);
    t.match(answer.body, { error: 'The authorization header is not of the form: Bearer <token>' });
    t.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  }
});

t.test('a token that is forged, expired or for something else is refused', async (t) => {
  const { send, tokens, token, clock } = await createTestApi(t);
  const ask = (value: string) => send('/describeSessions', { method: 'POST', headers: { authorization: `Bearer ${value}` } });
  const agent = await tokens.issueAccessToken({ clientId: CLIENT_ID, audience: 'agent', lifetimeSeconds: 60 }, clock.now());
  const connection = await tokens.issueConnectionToken(
    { sessionId: 'x', creationTime: 0, user: CLIENT_ID, lifetimeMinutes: 5 },
    clock.now(),
  );
  for (const value of ['x', 'a.b.c', `${token.slice(0, -4)}AAAA`, agent, connection]) {
    t.match(await ask(value), { status: 401, body: { error: 'The token is not valid' } }, value);
  }
  t.equal((await ask(token)).status, 200);
  await clock.advance(3600_000);
  const late = await ask(token);
  t.match(late, { status: 401, body: { error: 'The token has expired' } });
  t.equal(late.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
});

t.test('the name of the scheme may be written in any case', async (t) => {
  const { send, token } = await createTestApi(t);
  const answer = await send('/describeSessions', { method: 'POST', headers: { authorization: `bearer  ${token}` } });
  t.equal(answer.status, 200);
});

t.test('a client that is unregistered is refused from the next request on', async (t) => {
  const { call, clients } = await createTestApi(t);
  t.equal((await call('POST', '/describeSessions')).status, 200);
  clients.delete(CLIENT_ID);
  const answer = await call('POST', '/describeSessions');
  t.match(answer, { status: 401, body: { error: 'The client of this token is not registered any more' } });
});

/** The token endpoint. */
import t from 'tap';
import { CLIENT_ID, CLIENT_PASSWORD, createTestApi } from '../../helpers/client-api.ts';

const basic = (id = CLIENT_ID, password = CLIENT_PASSWORD) => `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const GRANT = 'grant_type=client_credentials';
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

const PASSED = form({ grant_type: 'client_credentials', client_id: CLIENT_ID, client_secret: CLIENT_PASSWORD });

t.test('a token is given for credentials in a header or a form, with the grant type in the query or the form', async (t) => {
  const { send } = await createTestApi(t);
  for (const [query, headers, body] of [
    [`?${GRANT}`, { authorization: basic() }, undefined],
    [`?${GRANT}`, { authorization: basic(), ...FORM }, ''],
    ['', { authorization: basic(), ...FORM }, GRANT],
    [`?${GRANT}`, { authorization: basic() }, GRANT],
    [`?${GRANT}&scope=dcv-session-manager/sm_scope`, { authorization: basic().replace('Basic', 'basic') }, undefined],
    ['', { authorization: basic() }, `${GRANT}&client_id=${CLIENT_ID}`],
    ['', FORM, PASSED],
  ] as const) {
    const answer = await send(`/oauth2/token${query}`, { method: 'POST', headers, ...(body !== undefined && { body }) });
    t.strictSame(
      [answer.status, answer.headers.get('cache-control'), Object.keys(answer.body)],
      [200, 'no-store', ['access_token', 'token_type', 'expires_in']],
    );
    t.match(answer.body, { token_type: 'Bearer', expires_in: 3600 });
    const authorization = `Bearer ${answer.body['access_token']}`;
    t.equal((await send('/describeSessions', { method: 'POST', headers: { authorization } })).status, 200);
  }
});

t.test('a request that is not one is refused', async (t) => {
  const { send } = await createTestApi(t);
  const authorization = basic();
  for (const [query, headers, body, error] of [
    ['', { authorization }, '', 'invalid_request'],
    ['', { authorization }, '{"grant_type":"client_credentials"}', 'invalid_request'],
    [`?${GRANT}&grant_type=password`, { authorization }, '', 'invalid_request'],
    [`?${GRANT}`, { authorization }, 'grant_type=password', 'invalid_request'],
    ['?grant_type=password', { authorization }, '', 'unsupported_grant_type'],
    ['?grant_type=', { authorization }, '', 'unsupported_grant_type'],
    ['', { authorization }, PASSED, 'invalid_request'],
    [`?${GRANT}`, { authorization }, 'client_id=another', 'invalid_request'],
    ['', {}, `${PASSED}&client_id=x`, 'invalid_request'],
    ['', {}, `${PASSED}&client_secret=x`, 'invalid_request'],
  ] as const) {
    const answer = await send(`/oauth2/token${query}`, { method: 'POST', headers, body });
    t.match([answer.status, answer.body], [400, { error, error_description: String }], `${query} ${body}`);
    t.equal(answer.headers.get('cache-control'), 'no-store');
  }
});

t.test('wrong or missing credentials are refused', async (t) => {
  const { send } = await createTestApi(t);
  for (const [headers, body] of [
    [{}, ''],
    [{ authorization: basic(CLIENT_ID, 'wrong') }, ''],
    [{ authorization: basic('nobody') }, ''],
    [{ authorization: basic(CLIENT_ID, '') }, ''],
    [{ authorization: basic(CLIENT_ID, 'x'.repeat(1025)) }, ''],
    [{ authorization: 'Basic' }, ''],
    [{ authorization: 'Basic !!!' }, ''],
    [{ authorization: `Basic ${Buffer.from('no colon').toString('base64')}` }, ''],
    [{ authorization: 'Bearer x' }, ''],
    [FORM, `client_id=${CLIENT_ID}`],
    [FORM, `client_id=${CLIENT_ID}&client_secret=wrong`],
  ] as const) {
    const answer = await send(`/oauth2/token?${GRANT}`, { method: 'POST', headers, body });
    t.match([answer.status, answer.body], [401, { error: 'invalid_client' }], JSON.stringify([headers, body]));
    t.equal(answer.headers.get('www-authenticate'), 'Basic realm="berth"');
  }
});

t.test('credentials in the query count for nothing', async (t) => {
  const { send } = await createTestApi(t);
  t.equal((await send(`/oauth2/token?${PASSED}`, { method: 'POST' })).status, 401);
});

t.test('a body beyond all measure is refused', async (t) => {
  const { send } = await createTestApi(t);
  t.equal((await send('/oauth2/token', { method: 'POST', body: 'x'.repeat(16_385) })).status, 413);
});

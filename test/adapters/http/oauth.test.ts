/** The token endpoint. */
import { decodeJwt } from 'jose';
import t from 'tap';
import { createTokenEndpoint } from '../../../adapters/http/oauth.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { CLIENT_ID, CLIENT_PASSWORD, createTestApi, type TestApi } from '../../helpers/client-api.ts';

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

/** What came of asking for scopes, and what the token says. */
async function ask(api: TestApi, query: string, body = '') {
  const answer = await api.send(`/oauth2/token?${GRANT}${query}`, { method: 'POST', headers: { authorization: basic() }, body });
  const { access_token: token, ...rest } = answer.body;
  return { status: answer.status, rest, claim: token === undefined ? undefined : decodeJwt(String(token))['scope'] };
}

const BEARER = { token_type: 'Bearer', expires_in: 3600 };

t.test('a token may be asked for with less than its client has, and then it says so', async (t) => {
  const api = await createTestApi(t);
  for (const [query, body, scope] of [
    ['', 'scope=sessions:read', 'sessions:read'],
    ['&scope=audit:read+sessions:read', '', 'sessions:read audit:read'],
    ['&scope=audit:read', 'scope=audit%3Aread', 'audit:read'],
    ['', 'scope=++sessions:read++sessions:read+', 'sessions:read'],
    ['', 'scope=dcv-session-manager/servers:write', 'servers:write'],
    ['', 'scope=dcv-session-manager/sm_scope+servers:write', 'servers:write'],
  ] as const) {
    t.same(await ask(api, query, body), { status: 200, rest: { ...BEARER, scope }, claim: scope }, `${query} ${body}`);
  }
});

t.test('whoever asks for nothing, or for a scope of somewhere else, gets what it always was', async (t) => {
  const api = await createTestApi(t);
  for (const query of ['', '&scope=', '&scope=+', '&scope=dcv-session-manager/sm_scope', '&scope=https://host/.default']) {
    t.same(await ask(api, query), { status: 200, rest: BEARER, claim: undefined }, query);
  }
});

t.test('a client that may not do everything is told what it got', async (t) => {
  const api = await createTestApi(t);
  api.clients.set(CLIENT_ID, { scopes: ['sessions:read', 'audit:read'], owner: null });
  t.same(await ask(api, ''), { status: 200, rest: { ...BEARER, scope: 'sessions:read audit:read' }, claim: 'sessions:read audit:read' });
  t.match(await ask(api, '&scope=audit:read'), { claim: 'audit:read' });
  api.clients.set(CLIENT_ID, { scopes: null, owner: 'ann' });
  t.match(await ask(api, ''), { rest: { scope: 'sessions:read sessions:write' }, claim: 'sessions:read sessions:write' });
});

t.test('more than the client has, and what is no scope, is refused without repeating it', async (t) => {
  const refused: { readonly claimedClient?: string | undefined; readonly code: string }[] = [];
  const api = await createTestApi(t, { attempts: { refused: (attempt) => refused.push(attempt) } });
  api.clients.set(CLIENT_ID, { scopes: ['sessions:read'], owner: null });
  for (const [query, error, description] of [
    ['&scope=sessions:read+servers:write+audit:read', 'invalid_scope', 'The client does not have the scope servers:write, audit:read'],
    ['&scope=session:read', 'invalid_scope', /^A scope is not known: .*; did you mean sessions:read\?$/],
    ['&scope=dcv-session-manager/sessions:raed', 'invalid_scope', /did you mean sessions:read\?$/],
    ['&scope=a-secret', 'invalid_scope', /audit:read$/],
    ['&scope=sessions:read&scope=sessions:write', 'invalid_request', 'scope must be given once'],
  ] as const) {
    const answer = await ask(api, query);
    t.match(answer, { status: 400, rest: { error, error_description: description }, claim: undefined }, query);
    t.match(refused.at(-1), { code: error.toUpperCase(), claimedClient: CLIENT_ID });
  }
  t.notMatch(JSON.stringify(refused), /a-secret|raed/);
});

t.test('a client that is unregistered while its password is checked gets nothing', async (t) => {
  const api = await createTestApi(t);
  const endpoint = createTokenEndpoint({
    authenticate: async (id) => api.clients.delete(id),
    reachOf: async (id) => api.clients.get(id),
    tokens: api.tokens,
    now: api.clock.now,
    attempts: { refused: () => undefined },
    random: systemRandom,
  });
  const request = new Request(`https://broker/oauth2/token?${GRANT}`, { method: 'POST', headers: { authorization: basic() } });
  t.equal((await endpoint(request, undefined)).status, 401);
});

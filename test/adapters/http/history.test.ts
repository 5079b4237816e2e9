/** The history of a session and of a server. */
import t from 'tap';
import { addServers, CLIENT_ID, createTestApi, type TestApi } from '../../helpers/client-api.ts';

async function createOne(api: TestApi): Promise<{ id: string; request: unknown }> {
  addServers(api, 1);
  const { body } = await api.call('POST', '/createSessions', [{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  return { id: (body['SuccessfulList'] as [{ Id: string }])[0].Id, request: body['RequestId'] };
}

t.test('what happened is told oldest first: what, when, by whom and by which request', async (t) => {
  const api = await createTestApi(t);
  const { id, request } = await createOne(api);
  const { status, body } = await api.call('GET', `/sessions/${id}/history`);
  t.equal(status, 200);
  t.match(body['RequestId'], /^[0-9a-f-]{36}$/);
  t.notOk('NextToken' in body);
  const [first, second] = body['History'] as Record<string, unknown>[];
  t.strictSame(first, {
    Position: 10,
    Revision: 0,
    Type: 'session.requested',
    Time: '2026-01-01T00:00:00.000Z',
    Cause: { Kind: 'client', Id: CLIENT_ID },
    RequestId: request,
    Data: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', enqueue: false, retry: true },
  });
  t.match(second, { Revision: 1, Type: 'session.started', Cause: { Kind: 'agent' } });
});

t.test('a long history comes in pages', async (t) => {
  const api = await createTestApi(t);
  const { id } = await createOne(api);
  const first = await api.call('GET', `/sessions/${id}/history?MaxResults=1`);
  t.match(first.body['History'], [{ Revision: 0 }]);
  const token = encodeURIComponent(String(first.body['NextToken']));
  const second = await api.call('GET', `/sessions/${id}/history?MaxResults=1&NextToken=${token}`);
  t.match(second.body['History'], [{ Revision: 1 }]);
  t.notOk('NextToken' in second.body);
  t.equal((await api.call('GET', `/servers/server-1/history?NextToken=${token}`)).status, 400, 'a token of another history');
});

t.test('a server has a history too', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  await api.call('POST', '/closeServers', [{ ServerId: 'server-1' }]);
  const { body } = await api.call('GET', '/servers/server-1/history');
  t.match(body['History'], [{ Type: 'server.described' }, { Type: 'server.closed' }]);
});

t.test('an unknown session or server has none', async (t) => {
  const api = await createTestApi(t);
  const session = await api.call('GET', '/sessions/nobody/history');
  t.strictSame([session.status, session.body], [404, { error: 'There is no session with this id.' }]);
  const server = await api.call('GET', '/servers/a%2Fb/history');
  t.strictSame([server.status, server.body], [404, { error: 'There is no server with this id.' }]);
});

t.test('a query that is not understood is refused', async (t) => {
  const api = await createTestApi(t);
  const { id } = await createOne(api);
  for (const [query, error] of [
    ['MaxResults=0', 'MaxResults: expected an integer from 1 to 1000.'],
    ['MaxResults=1001', 'MaxResults: expected an integer from 1 to 1000.'],
    ['MaxResults=', 'MaxResults: expected an integer from 1 to 1000.'],
    ['MaxResults=1e2', 'MaxResults: expected an integer from 1 to 1000.'],
    ['NextToken=x', 'NextToken: this is not a token of ours.'],
    ['NextToken=', 'NextToken: this is not a token of ours.'],
    ['maxResults=5', 'Unrecognized parameter "maxResults"'],
    ['MaxResults=1&MaxResults=2', 'MaxResults: given more than once.'],
  ] as const) {
    const { status, body } = await api.call('GET', `/sessions/${id}/history?${query}`);
    t.strictSame([status, body], [400, { error }], query);
  }
});

/** Request bodies that are not as described: refused as a whole, with the field at fault, and nothing done. */
import t from 'tap';
import { addServers, createTestApi } from '../../helpers/client-api.ts';

const OK = { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' };

t.test('what is wrong with the body of a batch is told, and nothing is done', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  for (const [body, error] of [
    ['{', 'The request body is not JSON.'],
    ['[{}', 'The request body is not JSON.'],
    ['', 'The request body: expected an array'],
    ['null', 'The request body: expected an array'],
    [OK, 'The request body: expected an array'],
    [[OK, 'x'], '[1]: expected an object'],
    [[OK, null], '[1]: expected an object'],
    [[[]], '[0]: expected an object'],
    [[OK, OK, { ...OK, MaxConcurrentClients: '5' }], '[2].MaxConcurrentClients: expected an integer'],
    [[OK, { ...OK, MaxConcurrentClients: 1.5 }], '[1].MaxConcurrentClients: expected an integer'],
    [[OK, { ...OK, MaxConcurrentClients: 1e300 }], '[1].MaxConcurrentClients: expected an integer'],
    [[{ ...OK, EnqueueRequest: 'true' }], '[0].EnqueueRequest: expected true or false'],
    [[{ ...OK, Name: 7 }], '[0].Name: expected a string'],
    [[{ ...OK, AutorunFileArguments: 'x' }], '[0].AutorunFileArguments: expected an array'],
    [[{ ...OK, AutorunFileArguments: ['x', 1] }], '[0].AutorunFileArguments[1]: expected a string'],
    [[OK, { ...OK, Colour: 'pink' }], 'Unrecognized field "Colour" at [1]'],
    [
      [{ ...OK, MaxConcurrents: 1, PermissionFile: 'x' }],
      'Unrecognized field "MaxConcurrents", Unrecognized field "PermissionFile" at [0]',
    ],
    [
      [
        { ...OK, Name: 1 },
        { ...OK, x: 1 },
      ],
      '[0].Name: expected a string; Unrecognized field "x" at [1]',
    ],
  ] as const) {
    const answer = await api.call('POST', '/createSessions', body);
    t.strictSame([answer.status, answer.body], [400, { error }], JSON.stringify(body));
  }
  t.strictSame(api.application.origins, []);
});

t.test('what is wrong with the body of a describe call is told', async (t) => {
  const { call } = await createTestApi(t);
  for (const [body, error] of [
    ['[]', 'The request body: expected an object'],
    ['"x"', 'The request body: expected an object'],
    [{ Owner: 'ann' }, 'Unrecognized field "Owner"'],
    [{ SessionIds: 'x' }, 'SessionIds: expected an array'],
    [{ SessionIds: ['x', null] }, 'SessionIds[1]: expected a string'],
    [{ Filters: [{ Key: 'owner', Value: 'a', Values: [] }] }, 'Unrecognized field "Values" at Filters[0]'],
    [{ MaxResults: '5' }, 'MaxResults: expected an integer'],
    [{ NextToken: 5 }, 'NextToken: expected a string'],
  ] as const) {
    const answer = await call('POST', '/describeSessions', body);
    t.strictSame([answer.status, answer.body], [400, { error }], JSON.stringify(body));
  }
});

t.test('at most five things that are wrong are told', async (t) => {
  const { call } = await createTestApi(t);
  const { body } = await call('POST', '/openServers', new Array(9).fill(1));
  t.equal(String(body['error']).split(';').length, 5);
});

t.test('a key given twice counts once, and keys that mean something to JavaScript mean nothing', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const twice = await api.call('POST', '/createSessions', '[{"Name":"a","Name":"desk","Owner":"ann","Type":"VIRTUAL"}]');
  t.match(twice.body, { SuccessfulList: [{ Name: 'desk' }] });
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const answer = await api.call('POST', '/createSessions', `[{"Name":"a","Owner":"ann","Type":"VIRTUAL","${key}":{"polluted":1}}]`);
    t.strictSame([answer.status, answer.body], [400, { error: `Unrecognized field "${key}" at [0]` }]);
  }
  t.notOk('polluted' in {});
});

t.test('a body is JSON whatever its content type says', async (t) => {
  const { send, token } = await createTestApi(t);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8', '']) {
    const headers = { authorization: `Bearer ${token}`, ...(type && { 'content-type': type }) };
    t.equal((await send('/describeSessions', { method: 'POST', headers, body: '{"MaxResults":5}' })).status, 200, type);
  }
});

t.test('a body that is not UTF-8 is refused', async (t) => {
  const { send, token } = await createTestApi(t);
  const body = Buffer.from([0x22, 0xc3, 0x28, 0x22]);
  const answer = await send('/describeSessions', { method: 'POST', headers: { authorization: `Bearer ${token}` }, body });
  t.strictSame([answer.status, answer.body], [400, { error: 'The request body is not UTF-8.' }]);
});

t.test('more items than the limit are refused before they are looked at', async (t) => {
  const { call } = await createTestApi(t, { limits: { batchItems: 2 } });
  const answer = await call('POST', '/openServers', [1, 2, 3]);
  t.strictSame([answer.status, answer.body], [400, { error: 'More than 2 items.' }]);
  t.equal((await call('POST', '/openServers', [{ ServerId: 'a' }, { ServerId: 'b' }])).status, 200);
});

t.test('a body larger than the limit is refused by its declared length, unread', async (t) => {
  const { send, token } = await createTestApi(t, { limits: { bodyBytes: 10 } });
  const headers = { authorization: `Bearer ${token}`, 'content-length': '11' };
  const answer = await send('/describeSessions', { method: 'POST', headers, body: '{}' });
  t.strictSame([answer.status, answer.body], [413, { error: 'The request body is larger than 10 bytes.' }]);
  t.equal(answer.headers.get('connection'), 'close');
});

t.test('a chunked body is read no further than the limit', async (t) => {
  const { app, token } = await createTestApi(t, { limits: { bodyBytes: 10 } });
  let sent = 0;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 1;
      controller.enqueue(Buffer.from('     '));
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  const init = { method: 'POST', headers: { authorization: `Bearer ${token}` }, body, duplex: 'half' } as const;
  const answer = await app.request('/describeSessions', init);
  t.equal(answer.status, 413);
  t.ok(sent <= 4, `${sent} chunks were read`);
  t.ok(isCancelled);
});

t.test('a body of declared length and one in chunks within the limit are read', async (t) => {
  const { send, token } = await createTestApi(t);
  const authorization = `Bearer ${token}`;
  const declared = await send('/describeSessions', { method: 'POST', headers: { authorization, 'content-length': '2' }, body: '{}' });
  t.equal(declared.status, 200);
  const stream = new Blob(['{"Max', 'Results":', '5}']).stream();
  const init = { method: 'POST', headers: { authorization }, body: stream, duplex: 'half' } as const;
  t.equal((await send('/describeSessions', init)).status, 200);
});

t.test('a body that breaks off is nobody’s fault here', async (t) => {
  const { send, token, logged } = await createTestApi(t);
  const broken = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('The connection is gone')),
    });
  for (const headers of [{}, { 'content-length': '2' }]) {
    const init = { method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers }, body: broken(), duplex: 'half' } as const;
    const answer = await send('/describeSessions', init);
    t.strictSame([answer.status, answer.body], [400, { error: 'The request body ended early.' }]);
  }
  t.strictSame(logged, []);
});

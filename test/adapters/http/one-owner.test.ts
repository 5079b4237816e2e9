/** Clients of one owner, against a broker's core with the sessions of two: what is another's is as what never was. */
import t, { type Test } from 'tap';
import type { Past } from '../../../adapters/replay/past.ts';
import { sessionId } from '../../../domain/ids.ts';
import { type Answer, CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';
import { found, setUpCore } from '../../helpers/core.ts';

const ANNS = '11111111-1111-4111-8111-111111111111';
const BOBS = '22222222-2222-4222-8222-222222222222';
const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const PERMISSIONS = 'W3Blcm1pc3Npb25zXQolb3duZXIlIGFsbG93IGJ1aWx0aW4K';
const PICTURE = { format: 'png', data: 'AAAA', time: 1, primary: true } as const;

/** A server with two sessions of each owner, and clients: one of ann, one of bob, and one of everybody. */
async function setUp(t: Test) {
  const broker = await setUpCore(t);
  await broker.greet('A');
  broker.show([PICTURE]);
  const ids: Record<'ann' | 'bob', string[]> = { ann: [], bob: [] };
  for (const owner of ['ann', 'bob', 'ann', 'bob'] as const) {
    const { id } = (await broker.create({ owner, name: 'desk' })) as { readonly id: string };
    await broker.report('A', { kind: 'session-started', sessionId: sessionId(id), attempt: 1 });
    ids[owner].push(id);
  }
  const { application, once } = broker.core;
  const past: Pick<Past, 'asOf'> = { asOf: (_, work) => work(application) };
  const api = await createTestApi(t, { broken: application, once, past });
  api.clients.set(ANNS, { scopes: null, owner: 'ann' });
  api.clients.set(BOBS, { scopes: null, owner: 'bob' });

  /** `asked`: method and path. */
  async function callAs(client: string, asked: string, body?: unknown, key?: string): Promise<Answer> {
    const [method = '', path = ''] = asked.split(' ');
    const token = await api.tokens.issueAccessToken({ clientId: client, audience: 'api', lifetimeSeconds: 60 }, api.clock.now());
    const headers = { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) };
    const answer = await api.send(path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    await broker.settle();
    return answer;
  }
  const idsIn = ({ body }: Answer) => (body['Sessions'] as { Id: string }[]).map(({ Id }) => Id);
  const describe = async (client: string, body: object = {}) => idsIn(await callAs(client, 'POST /describeSessions', body));
  return { broker, api, ids, callAs, describe, idsIn };
}

/** An answer, with what is of the moment left out and one id written as another. */
const plain = ({ status, body }: Answer, id: string): string => {
  const { RequestId: _, ...rest } = body;
  return `${status} ${JSON.stringify(rest).replaceAll(id, UNKNOWN)}`;
};

t.test('a client sees the sessions of its owner, whatever it asks for', async (t) => {
  const { ids, describe } = await setUp(t);
  const filter = (Key: string, Value: string) => ({ Filters: [{ Key, Value }] });
  t.same(await describe(CLIENT_ID), [ids.ann[0], ids.bob[0], ids.ann[1], ids.bob[1]]);
  t.same(await describe(ANNS), ids.ann);
  t.same(await describe(BOBS), ids.bob);
  t.same(await describe(ANNS, { SessionIds: [...ids.bob, ...ids.ann, UNKNOWN] }), ids.ann);
  t.same(await describe(ANNS, { SessionIds: ids.bob }), []);
  t.same(await describe(ANNS, filter('name', 'desk')), ids.ann);
  t.same(await describe(ANNS, filter('state', 'READY')), ids.ann);
  t.same(await describe(ANNS, filter('server', 'A')), ids.ann);
  t.same(await describe(ANNS, filter('owner', 'ann')), ids.ann);
  for (const owner of ['bob', 'Ann', 'ann ', '']) t.same(await describe(ANNS, filter('owner', owner)), [], owner);
  const both = { Filters: [...filter('owner', 'bob').Filters, ...filter('owner', 'ann').Filters] };
  t.same(await describe(ANNS, both), ids.ann);
  t.same(await describe(ANNS, { AsOf: '2026-01-15T09:30:00Z' }), ids.ann, 'in the past too');
  t.same(await describe(ANNS, { AsOf: 7, SessionIds: ids.bob }), []);
});

t.test('pages hold the sessions of the owner, and lead nowhere for others', async (t) => {
  const { ids, callAs, idsIn } = await setUp(t);
  const page = (client: string, NextToken?: unknown) => callAs(client, 'POST /describeSessions', { MaxResults: 1, NextToken });
  const first = await page(ANNS);
  const second = await page(ANNS, first.body['NextToken']);
  t.same([...idsIn(first), ...idsIn(second)], ids.ann);
  t.equal(second.body['NextToken'], undefined, 'and the sessions behind them are not counted');
  const { NextToken: everybodys } = (await page(CLIENT_ID)).body;
  for (const [client, token] of [
    [BOBS, first.body['NextToken']],
    [CLIENT_ID, first.body['NextToken']],
    [ANNS, everybodys],
  ] as const) {
    t.match(await page(client, token), { status: 400, body: { error: /^NextToken: / } });
  }
});

/** Something to do with the session of this id. */
interface Try {
  readonly asked: (id: string) => string;
  readonly body?: (id: string) => unknown;
}

t.test('whatever a client does to a session of another owner is answered as for one that never was', async (t) => {
  const { ids, callAs, describe, broker } = await setUp(t);
  const [bobs = ''] = ids.bob;
  const before = broker.store.facts.filter(({ stream }) => stream === `session-${bobs}`).length;
  const tries: readonly Try[] = [
    { asked: () => 'POST /describeSessions', body: (id) => ({ SessionIds: [id] }) },
    { asked: (id) => `GET /sessionConnectionData/${id}/ann` },
    { asked: (id) => `GET /sessions/${id}/history` },
    { asked: (id) => `GET /sessions/${id}/history?MaxResults=1` },
    { asked: () => 'POST /getSessionScreenshots', body: (id) => [{ SessionId: id }] },
    ...['ann', 'bob', 'eve'].flatMap((Owner): readonly Try[] => [
      { asked: () => 'POST /deleteSessions', body: (SessionId) => [{ SessionId, Owner }] },
      { asked: () => 'POST /deleteSessions', body: (SessionId) => [{ SessionId, Owner, Force: true }] },
      { asked: () => 'PUT /sessionPermissions', body: (SessionId) => [{ SessionId, Owner, PermissionsFile: PERMISSIONS }] },
    ]),
  ];
  const answers = async ({ asked, body }: Try, id: string) => plain(await callAs(ANNS, asked(id), body?.(id)), id);
  for (const each of tries) t.equal(await answers(each, bobs), await answers(each, UNKNOWN), each.asked(bobs));
  await callAs(BOBS, 'POST /deleteSessions', [{ SessionId: bobs, Owner: 'bob' }]);
  await broker.report('A', { kind: 'session-ended', sessionId: sessionId(bobs), reason: 'Closed.' });
  for (const each of tries) t.equal(await answers(each, bobs), await answers(each, UNKNOWN), 'also when it is over');
  t.same(await describe(CLIENT_ID, { SessionIds: [bobs] }), [bobs]);
  const after = broker.store.facts.filter(({ stream }) => stream === `session-${bobs}`).length;
  t.equal(after - before, 2, 'and nothing but what bob did has happened to it');
});

t.test('a client does with the sessions of its owner what every client can', async (t) => {
  const { ids, callAs } = await setUp(t);
  const [anns = ''] = ids.ann;
  t.match(await callAs(ANNS, `GET /sessionConnectionData/${anns}/bob`), {
    status: 200,
    body: { Session: { Id: anns }, ConnectionToken: String },
  });
  t.match((await callAs(ANNS, 'POST /getSessionScreenshots', [{ SessionId: anns }])).body, { SuccessfulList: { length: 1 } });
  const permissions = [{ SessionId: anns, Owner: 'ann', PermissionsFile: PERMISSIONS }];
  t.match((await callAs(ANNS, 'PUT /sessionPermissions', permissions)).body, { SuccessfulList: [{ SessionId: anns }] });
  const types = ['session.requested', 'session.placed', 'session.started', 'session.permissions-updated'];
  const history = await callAs(ANNS, `GET /sessions/${anns}/history`);
  t.same(
    (history.body['History'] as { Type: string }[]).map(({ Type }) => Type),
    types,
  );
  const removal = [{ SessionId: anns, Owner: 'ann' }];
  t.match((await callAs(ANNS, 'POST /deleteSessions', removal)).body, { SuccessfulList: [{ SessionId: anns, State: 'DELETING' }] });
});

t.test('a batch is judged item by item, in its order, with a reason that names the owner', async (t) => {
  const { ids, callAs, describe } = await setUp(t);
  const wish = (Owner: string, Name: string) => ({ Name, Owner, Type: 'VIRTUAL' });
  const made = await callAs(ANNS, 'POST /createSessions', [
    wish('bob', '1'),
    wish('ann', '2'),
    wish('ANN', '3'),
    wish('', '4'),
    wish('ann', '5'),
  ]);
  const reason = "Owner: this client is there for the sessions of 'ann' only.";
  t.match(made.body, {
    SuccessfulList: [{ Name: '2', Owner: 'ann' }, { Name: '5' }],
    UnsuccessfulList: [
      { CreateSessionRequestData: { Name: '1', Owner: 'bob' }, FailureReason: reason },
      { CreateSessionRequestData: { Name: '3' }, FailureReason: reason },
      { CreateSessionRequestData: { Name: '4' }, FailureReason: 'Owner is missing.' },
    ],
  });
  t.equal((await describe(ANNS)).length, 4);
  t.equal((await describe(BOBS)).length, 2);
  const [anns, bobs] = [ids.ann[0], ids.bob[0]];
  const deleted = await callAs(ANNS, 'POST /deleteSessions', [
    { SessionId: bobs, Owner: 'ann' },
    { SessionId: anns, Owner: 'bob' },
    { SessionId: anns, Owner: 'ann' },
  ]);
  t.match(deleted.body, {
    SuccessfulList: [{ SessionId: anns, State: 'DELETING' }],
    UnsuccessfulList: [
      { SessionId: bobs, FailureReason: 'The requested dcvSession does not exist' },
      { SessionId: anns, FailureReason: reason },
    ],
  });
});

t.test('a key that one client used answers no other', async (t) => {
  const { callAs, describe } = await setUp(t);
  const body = [{ Name: 'once', Owner: 'bob', Type: 'VIRTUAL' }];
  const first = await callAs(BOBS, 'POST /createSessions', body, 'the key');
  t.match(first.body, { SuccessfulList: [{ Owner: 'bob' }] });
  const other = await callAs(ANNS, 'POST /createSessions', body, 'the key');
  t.equal(other.headers.get('idempotency-replayed'), null);
  t.match(other.body, { SuccessfulList: [], UnsuccessfulList: [{ FailureReason: /'ann' only/ }] });
  const again = await callAs(BOBS, 'POST /createSessions', body, 'the key');
  t.same([again.headers.get('idempotency-replayed'), again.body], ['true', first.body]);
  t.equal((await describe(BOBS)).length, 3);
});

t.test('of a name that hosts give again, a client is told what it was while it was its owner’s', async (t) => {
  const { callAs, broker, describe } = await setUp(t);
  const console = sessionId('console');
  const spec = (owner: string) => ({ name: '', owner, sessionType: 'CONSOLE' }) as const;
  const adopt = (owner: string, creationTime: number) =>
    broker.report('A', { kind: 'session-found', session: found('console', { spec: spec(owner), creationTime }) });
  const end = () => broker.report('A', { kind: 'session-ended', sessionId: console, reason: 'Logged out.' });
  for (const [index, owner] of ['bob', 'ann', 'bob', 'ann', 'eve'].entries()) {
    await adopt(owner, index + 1);
    if (owner === 'ann') await broker.report('A', { kind: 'connections-changed', sessionId: console, count: 1 });
    await end();
  }
  await adopt('bob', 9);
  const read = async (client: string, size: number) => {
    const seen: string[] = [];
    for (let next: unknown, isFirst = true; isFirst || next !== undefined; isFirst = false) {
      const token = next === undefined ? '' : `&NextToken=${encodeURIComponent(String(next))}`;
      const { body } = await callAs(client, `GET /sessions/console/history?MaxResults=${size}${token}`);
      seen.push(
        ...(body['History'] as { Type: string; Data: { owner?: string } }[]).map(({ Type, Data }) => `${Type} ${Data.owner ?? ''}`),
      );
      next = body['NextToken'];
    }
    return seen;
  };
  const once = ['session.adopted ann', 'session.connections-changed ', 'session.deleted '];
  for (const size of [1, 2, 3, 4, 1000]) t.same(await read(ANNS, size), [...once, ...once], `in pages of ${size}`);
  t.equal((await read(CLIENT_ID, 5)).length, 13);
  t.equal((await read(BOBS, 2)).length, 5);
  t.same(await describe(ANNS, { SessionIds: ['console'] }), []);
  t.match(await callAs(ANNS, 'GET /sessionConnectionData/console/ann'), {
    status: 400,
    body: { error: 'The requested dcvSession does not exist' },
  });
  const { NextToken } = (await callAs(CLIENT_ID, 'GET /sessions/console/history?MaxResults=1')).body;
  t.equal((await callAs(ANNS, `GET /sessions/console/history?NextToken=${NextToken}`)).status, 400);
});

t.test('what an unknown owner has is nothing, and it can be made', async (t) => {
  const { api, callAs, describe } = await setUp(t);
  const newcomer = '33333333-3333-4333-8333-333333333333';
  api.clients.set(newcomer, { scopes: ['sessions:write', 'sessions:read'], owner: 'ünal "x" <y>' });
  t.same(await describe(newcomer), []);
  const made = await callAs(newcomer, 'POST /createSessions', [{ Name: 'n', Owner: 'ünal "x" <y>', Type: 'VIRTUAL' }]);
  t.match(made.body, { SuccessfulList: [{ Owner: 'ünal "x" <y>' }] });
  t.equal((await describe(newcomer)).length, 1);
});

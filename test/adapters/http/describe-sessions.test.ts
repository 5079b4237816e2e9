/** describeSessions: what it answers and how it is asked. */
import t from 'tap';
import type { SessionView } from '../../../projections/views.ts';
import { addServers, createTestApi, type TestApi } from '../../helpers/client-api.ts';
import { description } from '../../helpers/samples.ts';

const view = (changes: Partial<SessionView> = {}): SessionView => ({
  id: 'one',
  name: 'desk',
  owner: 'ann',
  sessionType: 'VIRTUAL',
  state: 'READY',
  creationTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  connections: 0,
  ...changes,
});

const idsOf = (body: Record<string, unknown>) => (body['Sessions'] as { Id: string }[]).map(({ Id }) => Id);

const describe = async (api: TestApi, wish?: unknown) => (await api.call('POST', '/describeSessions', wish)).body;

t.test('a session is told with everything that is known of it and with nothing that is not', async (t) => {
  const api = await createTestApi(t);
  api.application.putSession(view());
  const { RequestId, ...body } = await describe(api);
  t.match(RequestId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.strictSame(body, {
    Sessions: [
      {
        Id: 'one',
        Name: 'desk',
        Owner: 'ann',
        Type: 'VIRTUAL',
        State: 'READY',
        CreationTime: '2026-01-02T03:04:05.678Z',
        NumOfConnections: 0,
      },
    ],
  });
});

t.test('what is seldom there is told where it is there', async (t) => {
  const api = await createTestApi(t);
  api.application.putSession(
    view({
      state: 'CREATING',
      substate: 'SESSION_PLACING',
      stateReason: 'Waiting',
      maxConcurrentClients: 2,
      storageRoot: '%home%',
      lastDisconnectionTime: 0,
    }),
  );
  t.match(await describe(api), {
    Sessions: [
      {
        State: 'CREATING',
        Substate: 'SESSION_PLACING',
        StateReason: 'Waiting',
        MaxConcurrentClients: 2,
        StorageRoot: '%home%',
        LastDisconnectionTime: '1970-01-01T00:00:00.000Z',
      },
    ],
  });
});

t.test('a placed session carries the address of its server, without the host', async (t) => {
  const api = await createTestApi(t);
  const server = {
    id: 'server-1',
    description: description({
      defaultDnsName: 'host-1.example',
      endpoints: [
        { ipAddress: '10.0.0.1', port: 8443, protocol: 'HTTP', webUrlPath: '/' },
        { port: 8443, protocol: 'QUIC' },
      ],
    }),
    loggedInUsers: [],
    consoleSessions: 0,
    virtualSessions: 1,
  };
  api.application.putSession(view({ server }));
  const [session] = (await describe(api))['Sessions'] as { Server: unknown }[];
  t.strictSame(session?.Server, {
    Id: 'server-1',
    Ip: '10.0.0.1',
    Hostname: 'host-1',
    DefaultDnsName: 'host-1.example',
    Port: '8443',
    Endpoints: [
      { IpAddress: '10.0.0.1', Port: 8443, WebUrlPath: '/', Protocol: 'HTTP' },
      { Port: 8443, Protocol: 'QUIC' },
    ],
    WebUrlPath: '/',
    Tags: [{ Key: 'dcv:os-family', Value: 'linux' }],
  });
});

t.test('a body may be left out, be an empty object, or hold nulls and empty lists', async (t) => {
  const api = await createTestApi(t);
  api.application.putSession(view());
  for (const wish of [
    undefined,
    {},
    { SessionIds: null, Filters: null, MaxResults: null, NextToken: null },
    { SessionIds: [], Filters: [] },
  ]) {
    t.strictSame(idsOf(await describe(api, wish)), ['one'], JSON.stringify(wish));
  }
});

t.test('unknown ids are missing from the answer', async (t) => {
  const api = await createTestApi(t);
  api.application.putSession(view());
  t.strictSame(idsOf(await describe(api, { SessionIds: ['nobody', 'one'] })), ['one']);
  t.strictSame(await describe(api, { SessionIds: ['nobody'] }).then(({ Sessions }) => Sessions), []);
});

t.test('filters of different keys are met together, and of one key any value', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 2);
  const items = ['ann', 'bob', 'cid'].map((Owner) => ({ Name: Owner, Owner, Type: 'VIRTUAL' }));
  await api.call('POST', '/createSessions', items);
  const owners = async (Filters: object[]) =>
    ((await describe(api, { Filters }))['Sessions'] as { Owner: string }[]).map(({ Owner }) => Owner);
  const ann = { Key: 'owner', Value: 'ann' };
  t.strictSame(await owners([ann]), ['ann']);
  t.strictSame(await owners([ann, { Key: 'owner', Value: 'cid' }]), ['ann', 'cid']);
  t.strictSame(await owners([ann, { Key: 'tag:number', Value: '1' }]), ['ann']);
  t.strictSame(await owners([ann, { Key: 'tag:number', Value: '2' }]), []);
  t.strictSame(await owners([ann, { Key: 'tag:number', Value: '2' }, { Key: 'tag:number', Value: '1' }]), ['ann']);
  t.strictSame(
    await owners([
      { Key: 'tag:number', Value: '1' },
      { Key: 'tag:dcv:os-family', Value: 'windows' },
    ]),
    [],
  );
  t.strictSame(
    await owners([
      { Key: 'name', Value: 'bob' },
      { Key: 'server', Value: 'server-1' },
      { Key: 'state', Value: 'ready' },
    ]),
    ['bob'],
  );
  t.strictSame(
    await owners([
      { Key: 'name', Value: 'bob' },
      { Key: 'name', Value: 'cid' },
    ]),
    ['bob', 'cid'],
  );
  t.strictSame(await owners([{ Key: 'name', Value: 'bo' }]), []);
  t.strictSame(await owners([{ Key: 'server', Value: 'server-2' }]), []);
  t.strictSame(await owners([{ Key: 'state', Value: 'UNKNOWN' }]), []);
  t.strictSame(
    await owners([
      { Key: 'state', Value: 'UNKNOWN' },
      { Key: 'state', Value: 'READY' },
    ]),
    ['ann', 'bob', 'cid'],
  );
});

t.test('a filter that is not known is refused and named', async (t) => {
  const api = await createTestApi(t, { limits: { batchItems: 3 } });
  for (const [filter, error] of [
    [{ Key: 'colour', Value: 'pink' }, 'Filters[0].Key: "colour" is not known; use owner, name, state, server or tag:<key>.'],
    [{ Key: 'tag:', Value: 'pink' }, 'Filters[0].Key: "tag:" is not known; use owner, name, state, server or tag:<key>.'],
    [{ Value: 'pink' }, 'Filters[0].Key: null is not known; use owner, name, state, server or tag:<key>.'],
    [{ Key: 'state', Value: 'RUNNING' }, 'Filters[0].Value: "RUNNING" is no state; use CREATING, READY, DELETING, DELETED, UNKNOWN.'],
    [{ Key: 'owner' }, 'Filters[0].Value: missing.'],
  ] as const) {
    const answer = await api.call('POST', '/describeSessions', { Filters: [filter] });
    t.strictSame([answer.status, answer.body], [400, { error }]);
  }
  const filter = { Key: 'owner', Value: 'ann' };
  t.match(await describe(api, { Filters: [filter, filter, filter, filter] }), { error: 'Filters: more than 3 of them.' });
  t.match(await describe(api, { SessionIds: ['1', '2', '3', '4'] }), { error: 'SessionIds: more than 3 ids.' });
});

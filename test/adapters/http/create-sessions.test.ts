/** createSessions: what is asked of the application and what it answers. */
import t from 'tap';
import type { Application } from '../../../adapters/application.ts';
import type { PlacementWish, SessionSpec } from '../../../domain/session/events.ts';
import { addServers, CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';

type Wish = SessionSpec & PlacementWish;
type Item = Record<string, unknown>;

/** Gives every item that reaches the application. */
async function asked(t: Test, items: Item[]): Promise<{ wishes: readonly Wish[]; body: Item }> {
  const wishes: Wish[] = [];
  const refuse: Application['createSessions'] = async (given) => {
    wishes.push(...given);
    return given.map(() => ({ rejected: { code: 'NO_SERVER', reason: 'No DCV server found for the given criteria' } }));
  };
  const { call } = await createTestApi(t, { broken: { createSessions: refuse } });
  return { wishes, body: (await call('POST', '/createSessions', items)).body };
}

t.test('a session that is being created is answered as it is', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const { body } = await api.call('POST', '/createSessions', [
    { Name: 'desk', Owner: 'DOMAIN\\ann', Type: 'Virtual', MaxConcurrentClients: 3, StorageRoot: '%home%' },
  ]);
  t.match(body, {
    RequestId: /^[0-9a-f-]{36}$/,
    SuccessfulList: [
      {
        Id: /^[0-9a-f-]{36}$/,
        Name: 'desk',
        Owner: 'DOMAIN\\ann',
        Type: 'VIRTUAL',
        State: 'CREATING',
        Substate: 'SESSION_PLACING',
        MaxConcurrentClients: 3,
        StorageRoot: '%home%',
        CreationTime: '2026-01-01T00:00:00.000Z',
        NumOfConnections: 0,
      },
    ],
    UnsuccessfulList: [],
  });
  t.strictSame(api.application.origins, [{ cause: { kind: 'client', id: CLIENT_ID }, requestId: body['RequestId'] }]);
});

t.test('every field reaches the application as the domain has it', async (t) => {
  const { wishes } = await asked(t, [
    {
      Name: 'desk',
      Owner: 'ann',
      Type: 'vIrTuAl',
      DcvGlEnabled: true,
      MaxConcurrentClients: 100,
      InitFilePath: '/opt/init.sh',
      InitFile: 'init.sh',
      AutorunFile: 'run.sh',
      AutorunFileArguments: ['one', ''],
      PermissionsFile: 'W3Blcm1pc3Npb25zXQ==',
      Requirements: " tag:color = 'pink'\n and server:Host.CpuInfo.NumberOfCpus > 4 ",
      EnqueueRequest: true,
      DisableRetryOnFailure: true,
      StorageRoot: '/srv',
    },
  ]);
  t.strictSame(wishes, [
    {
      id: undefined,
      name: 'desk',
      owner: 'ann',
      sessionType: 'VIRTUAL',
      dcvGlEnabled: true,
      maxConcurrentClients: 100,
      initFilePath: '/opt/init.sh',
      initFile: 'init.sh',
      autorunFile: 'run.sh',
      autorunFileArguments: ['one', ''],
      permissionsFile: 'W3Blcm1pc3Npb25zXQ==',
      requirements: "tag:color = 'pink'\n and server:Host.CpuInfo.NumberOfCpus > 4",
      enqueue: true,
      retry: false,
      storageRoot: '/srv',
    },
  ]);
});

t.test('null, an empty text and an empty list say the same as nothing', async (t) => {
  const nulls = Object.fromEntries(
    ['DcvGlEnabled', 'MaxConcurrentClients', 'EnqueueRequest', 'DisableRetryOnFailure', 'AutorunFileArguments'].map((name) => [name, null]),
  );
  const empty = Object.fromEntries(
    ['InitFile', 'InitFilePath', 'AutorunFile', 'PermissionsFile', 'Requirements', 'StorageRoot'].map((name) => [name, '']),
  );
  const bare = { Name: 'desk', Owner: 'ann', Type: 'CONSOLE' };
  const { wishes } = await asked(t, [bare, { ...bare, ...nulls, ...empty, AutorunFileArguments: [] }]);
  t.strictSame(JSON.parse(JSON.stringify(wishes[1])), { name: 'desk', owner: 'ann', sessionType: 'CONSOLE', enqueue: false, retry: true });
  t.strictSame(wishes[1], wishes[0]);
});

t.test('an item that cannot be placed comes back as it was sent, nulls apart', async (t) => {
  const { body } = await asked(t, [{ Name: 'desk', Owner: 'ann', Type: 'virtual', Requirements: null }]);
  t.match(body, { SuccessfulList: [] });
  t.strictSame(body['UnsuccessfulList'], [
    {
      CreateSessionRequestData: { Name: 'desk', Owner: 'ann', Type: 'virtual' },
      FailureReason: 'No DCV server found for the given criteria',
    },
  ]);
});

t.test('an item at fault does not stop its neighbours, and both lists keep their order', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const item = (Name: string, Owner: string) => ({ Name, Owner, Type: 'VIRTUAL' });
  const { body } = await api.call('POST', '/createSessions', [
    item('1', 'a'),
    item('2', ''),
    item('3', 'a'),
    item('', 'a'),
    item('5', 'a'),
  ]);
  const named = (list: unknown) => (list as Item[]).map((entry) => ((entry['CreateSessionRequestData'] ?? entry) as Item)['Name']);
  t.strictSame(
    [named(body['SuccessfulList']), named(body['UnsuccessfulList'])],
    [
      ['1', '3', '5'],
      ['2', ''],
    ],
  );
});

t.test('nothing is asked of the application when no item is in order, or none is there', async (t) => {
  t.strictSame((await asked(t, [{}])).wishes, []);
  const { body } = await asked(t, []);
  t.match(body, { SuccessfulList: [], UnsuccessfulList: [] });
});

type Test = Parameters<typeof createTestApi>[0];

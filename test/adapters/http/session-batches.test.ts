/** deleteSessions, updateSessionPermissions and getSessionScreenshots. */
import t from 'tap';
import { addServers, createTestApi, type TestApi } from '../../helpers/client-api.ts';

async function createOne(api: TestApi): Promise<string> {
  addServers(api, 1);
  const { body } = await api.call('POST', '/createSessions', [{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  return (body['SuccessfulList'] as [{ Id: string }])[0].Id;
}

const lists = ({ body }: { body: Record<string, unknown> }) => [body['SuccessfulList'], body['UnsuccessfulList']];

t.test('a session is deleted, and an unknown one is told apart', async (t) => {
  const api = await createTestApi(t);
  const id = await createOne(api);
  const answer = await api.call('POST', '/deleteSessions', [
    { SessionId: 'nobody', Owner: 'ann' },
    { SessionId: id, Owner: 'ann', Force: true },
  ]);
  t.strictSame(lists(answer), [
    [{ SessionId: id, State: 'DELETING' }],
    [{ SessionId: 'nobody', FailureReason: 'The requested dcvSession does not exist' }],
  ]);
});

t.test('what the caller says of a session to delete reaches the application', async (t) => {
  const seen: unknown[] = [];
  const { call } = await createTestApi(t, {
    broken: { deleteSessions: async (items) => items.map((item) => ({ done: seen.push(item) > 0 ? 'DELETED' : 'DELETING' })) },
  });
  await call('POST', '/deleteSessions', [
    { SessionId: 'x', Owner: 'ann' },
    { SessionId: 'y', Owner: 'ann', Force: true },
  ]);
  t.strictSame(seen, [
    { sessionId: 'x', owner: 'ann', force: false },
    { sessionId: 'y', owner: 'ann', force: true },
  ]);
});

t.test('permissions are changed, and an unknown session is told apart', async (t) => {
  const api = await createTestApi(t);
  const id = await createOne(api);
  const PermissionsFile = 'W3Blcm1pc3Npb25zXQ==';
  const answer = await api.call('PUT', '/sessionPermissions', [
    { SessionId: id, Owner: 'ann', PermissionsFile },
    { SessionId: 'nobody', Owner: 'ann', PermissionsFile },
  ]);
  t.match(answer.body['RequestId'], /^[0-9a-f-]{36}$/);
  t.strictSame(lists(answer), [[{ SessionId: id }], [{ SessionId: 'nobody', FailureReason: 'The requested dcvSession does not exist' }]]);
});

t.test('pictures are given, and an unknown session is told apart', async (t) => {
  const api = await createTestApi(t);
  const id = await createOne(api);
  const answer = await api.call('POST', '/getSessionScreenshots', [
    { SessionId: id, MaxWidth: 320, MaxHeight: null },
    { SessionId: 'nobody' },
  ]);
  t.match(answer.body['RequestId'], /^[0-9a-f-]{36}$/);
  t.strictSame(lists(answer), [
    [
      {
        SessionScreenshot: {
          SessionId: id,
          Images: [{ Format: 'png', Data: 'iVBORw0KGgo=', CreationTime: '2026-01-01T12:00:00.000Z', Primary: true }],
        },
      },
    ],
    [{ GetSessionScreenshotRequestData: { SessionId: 'nobody' }, FailureReason: 'Dcv session not found.' }],
  ]);
});

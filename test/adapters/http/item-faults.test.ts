/** What is wrong with one item of a batch is said of that item, by the name of its field. */
import t from 'tap';
import { addServers, createTestApi } from '../../helpers/client-api.ts';

const VIRTUAL = { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' };
const CONSOLE = { ...VIRTUAL, Type: 'CONSOLE' };
const RUN = { ...VIRTUAL, AutorunFile: 'run.sh' };

const FAULTS: [object, string][] = [
  [{ Owner: 'ann', Type: 'VIRTUAL' }, 'Name is missing.'],
  [{ ...VIRTUAL, Name: null }, 'Name is missing.'],
  [{ ...VIRTUAL, Name: ' \u3000' }, 'Name is missing.'],
  [{ ...VIRTUAL, Name: 'x'.repeat(257) }, 'Name is longer than 256 characters.'],
  [{ ...VIRTUAL, Name: 'a\nb' }, 'Name has characters that cannot be used.'],
  [{ ...VIRTUAL, Name: 'half \ud83d' }, 'Name has characters that cannot be used.'],
  [{ Name: 'desk', Type: 'VIRTUAL' }, 'Owner is missing.'],
  [{ ...VIRTUAL, Owner: 'a\0' }, 'Owner has characters that cannot be used.'],
  [{ ...VIRTUAL, Owner: 'x'.repeat(257) }, 'Owner is longer than 256 characters.'],
  [{ Name: 'desk', Owner: 'ann' }, 'Type is missing.'],
  [{ ...VIRTUAL, Type: 'DESKTOP' }, 'Type must be VIRTUAL or CONSOLE.'],
  [{ ...VIRTUAL, Type: 'V\u0131RTUAL' }, 'Type must be VIRTUAL or CONSOLE.'],
  [{ ...VIRTUAL, MaxConcurrentClients: 0 }, 'MaxConcurrentClients is 0; it must be 1 to 100.'],
  [{ ...VIRTUAL, MaxConcurrentClients: 101 }, 'MaxConcurrentClients is 101; it must be 1 to 100.'],
  [{ ...VIRTUAL, PermissionsFile: 'no base64!' }, 'PermissionsFile is not base64.'],
  [{ ...VIRTUAL, PermissionsFile: 'abcde' }, 'PermissionsFile is not base64.'],
  [{ ...VIRTUAL, PermissionsFile: '//8=' }, 'PermissionsFile is not text in UTF-8.'],
  [
    { ...VIRTUAL, PermissionsFile: Buffer.from('[permissions]\n\n%owner% alow builtin').toString('base64') },
    'PermissionsFile line 3: expected an actor, then allow, disallow or deny, then features.',
  ],
  [{ ...VIRTUAL, PermissionsFile: 'A'.repeat(262_148) }, 'PermissionsFile is longer than 262144 characters.'],
  [{ ...VIRTUAL, InitFile: 'x'.repeat(4097) }, 'InitFile is longer than 4096 characters.'],
  [{ ...VIRTUAL, StorageRoot: '/srv\u0007' }, 'StorageRoot has characters that cannot be used.'],
  [{ ...VIRTUAL, Requirements: "tag:a = '\0'" }, 'Requirements has characters that cannot be used.'],
  [{ ...VIRTUAL, Requirements: 'x'.repeat(8193) }, 'Requirements is longer than 8192 characters.'],
  [{ ...VIRTUAL, AutorunFileArguments: ['x'] }, 'AutorunFileArguments needs an AutorunFile.'],
  [{ ...RUN, AutorunFileArguments: new Array(51).fill('x') }, 'AutorunFileArguments has more than 50 items.'],
  [{ ...RUN, AutorunFileArguments: ['', 'x'.repeat(151)] }, 'AutorunFileArguments[1] is longer than 150 characters.'],
  [{ ...RUN, AutorunFileArguments: ['a\u001b'] }, 'AutorunFileArguments[0] has characters that cannot be used.'],
  [{ ...CONSOLE, InitFile: 'init.sh' }, 'InitFile is not supported for a CONSOLE session.'],
  [{ ...CONSOLE, InitFilePath: '/init.sh' }, 'InitFilePath is not supported for a CONSOLE session.'],
  [{ ...CONSOLE, DcvGlEnabled: true }, 'DcvGlEnabled is not supported for a CONSOLE session.'],
  [{ ...CONSOLE, AutorunFile: 'a', AutorunFileArguments: ['x'] }, 'AutorunFileArguments is not supported for a CONSOLE session.'],
  [{ Name: '', Type: 'x' }, 'Type must be VIRTUAL or CONSOLE. Name is missing. Owner is missing.'],
];

t.test('every fault of a session to create is told with its field', async (t) => {
  const api = await createTestApi(t);
  const { body } = await api.call(
    'POST',
    '/createSessions',
    FAULTS.map(([item]) => item),
  );
  const reasons = (body['UnsuccessfulList'] as { FailureReason: string }[]).map(({ FailureReason }) => FailureReason);
  t.strictSame(
    reasons,
    FAULTS.map(([, reason]) => reason),
  );
  t.strictSame(api.application.origins, [], 'nothing was asked of the application');
});

t.test('what lies just within the bounds is accepted', async (t) => {
  const api = await createTestApi(t);
  addServers(api, 1);
  const items = [
    { ...VIRTUAL, Name: 'x'.repeat(256), Owner: 'o'.repeat(256), MaxConcurrentClients: 1 },
    { ...RUN, AutorunFileArguments: new Array(50).fill('x'.repeat(150)), MaxConcurrentClients: 100 },
    { ...CONSOLE, AutorunFile: 'run.bat', DcvGlEnabled: false, AutorunFileArguments: [] },
    { ...VIRTUAL, Name: 'ünï 😀', PermissionsFile: 'Ow==', Requirements: "tag:a\t=\r\n'b'" },
  ];
  t.strictSame((await api.call('POST', '/createSessions', items)).body['UnsuccessfulList'], []);
});

t.test('the bounds of autorun arguments are settings', async (t) => {
  const { call } = await createTestApi(t, { limits: { autorunArguments: 1, autorunArgumentLength: 2 } });
  const { body } = await call('POST', '/createSessions', [{ ...RUN, AutorunFileArguments: ['abc', 'd'] }]);
  t.match(body['UnsuccessfulList'], [
    { FailureReason: 'AutorunFileArguments has more than 1 items. AutorunFileArguments[0] is longer than 2 characters.' },
  ]);
});

t.test('faults of the other batches are told with their fields too', async (t) => {
  const { call } = await createTestApi(t);
  const long = 'x'.repeat(101);
  for (const [method, path, item, failure] of [
    ['POST', '/deleteSessions', {}, { FailureReason: 'SessionId is missing. Owner is missing.' }],
    [
      'POST',
      '/deleteSessions',
      { SessionId: long, Owner: 'a' },
      { SessionId: long, FailureReason: 'SessionId is longer than 100 characters.' },
    ],
    ['PUT', '/sessionPermissions', { SessionId: 'x', Owner: 'a' }, { SessionId: 'x', FailureReason: 'PermissionsFile is missing.' }],
    [
      'PUT',
      '/sessionPermissions',
      { SessionId: null, Owner: 'a', PermissionsFile: '*' },
      { FailureReason: 'SessionId is missing. PermissionsFile is not base64.' },
    ],
    [
      'POST',
      '/getSessionScreenshots',
      { SessionId: 'x', MaxWidth: 0, MaxHeight: 16_385 },
      {
        GetSessionScreenshotRequestData: { SessionId: 'x', MaxWidth: 0, MaxHeight: 16_385 },
        FailureReason: 'MaxWidth is 0; it must be 1 to 16384. MaxHeight is 16385; it must be 1 to 16384.',
      },
    ],
    [
      'POST',
      '/openServers',
      { ServerId: null },
      { OpenServerRequestData: {}, FailureCode: 'INVALID_REQUEST', FailureReason: 'ServerId is missing.' },
    ],
    [
      'POST',
      '/closeServers',
      { ServerId: ' ', Force: null },
      { CloseServerRequestData: { ServerId: ' ' }, FailureCode: 'INVALID_REQUEST', FailureReason: 'ServerId is missing.' },
    ],
  ] as const) {
    const { body } = await call(method, path, [item]);
    t.strictSame([body['SuccessfulList'], body['UnsuccessfulList']], [[], [failure]], `${path} ${JSON.stringify(item)}`);
  }
});

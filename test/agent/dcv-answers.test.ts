import t from 'tap';
import { describeServer, readEndpoints, readVersion } from '../../agent/drivers/dcv-server.ts';
import { readConnections, readSession, readSessionLines, readSessions } from '../../agent/drivers/dcv-sessions.ts';

const NEW = {
  id: 'a',
  owner: 'CORP\\ann',
  name: 'desk',
  user: 'ann',
  'num-of-connections': 2,
  'creation-time': '2026-01-15T09:30:15.123456Z',
  'last-disconnection-time': '2026-01-15T10:00:00Z',
  'licensing-mode': 'DEMO',
  licenses: [{ product: 'dcv', status: 'LICENSED', 'check-timestamp': '', 'expiration-date': '' }],
  'storage-root': '%home%',
  type: 'virtual',
  status: 'created',
  'x11-display': ':1',
  'x11-authority': '/run/user/1000/dcv/a.xauth',
  'display-layout': [{ width: 800, height: 600, x: 0, y: 0 }],
};
const READ = {
  localId: 'a',
  name: 'desk',
  owner: 'CORP\\ann',
  sessionType: 'VIRTUAL',
  creationTime: Date.parse('2026-01-15T09:30:15.123Z'),
  connections: 2,
  lastDisconnectionTime: Date.parse('2026-01-15T10:00:00Z'),
  storageRoot: '%home%',
} as const;

t.test('sessions are read from the JSON of new and old versions', async (t) => {
  t.strictSame(readSessions(JSON.stringify([NEW])), [READ]);
  t.strictSame(readSession(JSON.stringify(NEW)), READ);
  t.strictSame(readSessions('[]'), []);
  for (const nothing of ['', null, undefined, 'yesterday', '1800-01-01T00:00:00Z']) {
    const text = JSON.stringify({ ...NEW, 'last-disconnection-time': nothing, 'storage-root': nothing === 'yesterday' ? '' : null });
    t.strictSame(readSession(text), { ...READ, lastDisconnectionTime: undefined, storageRoot: undefined }, String(nothing));
  }
  t.strictSame(readSession('{"id":"console","owner":"root","type":"Console","num-of-connections":"3"}'), {
    localId: 'console',
    name: '',
    owner: 'root',
    sessionType: 'CONSOLE',
    creationTime: undefined,
    connections: 3,
    lastDisconnectionTime: undefined,
    storageRoot: undefined,
  });
});

t.test('connections are counted', async (t) => {
  t.equal(readConnections('[]'), 0);
  t.equal(readConnections('[{"id":1,"username":"ann"},{"id":2}]'), 2);
});

t.test('JSON that is not understood is an error that says what is wrong with it', async (t) => {
  const wrong = (json: string) =>
    t.throws(() => readSessions(json), { message: /^dcv list-sessions answers with JSON that is not understood: / }, json);
  for (const json of ['{}', 'null', '[{}]', '[{"id":"","owner":"a","type":"virtual"}]', '[{"id":"a","owner":"a","type":"holo"}]'])
    wrong(json);
  wrong(JSON.stringify([{ ...NEW, 'num-of-connections': -1 }]));
  t.throws(() => readSessions(JSON.stringify([{ ...NEW, owner: 1 }])), /0\.owner/);
  t.throws(() => readSessions('Lorem\n ipsum'), { message: 'dcv list-sessions answers with something that is not JSON: Lorem ipsum' });
  t.throws(() => readSessions(''), /not JSON/);
  t.throws(() => readSessions('x'.repeat(100_000)), { message: /: x{400} …$/ });
});

t.test('sessions are read from lines of text, with and without quotation marks', async (t) => {
  const [quoted, bare, console, odd] = readSessionLines(
    [
      "Session: 'a b' (owner:ann type:virtual name:'it's (mine)')",
      'Session: b-1 (owner:CORP\\bob type:virtual)',
      '',
      "Session: 'console' (owner:root type:console name:'')",
      'Session: c (owner:eve type:virtual name:plain)',
    ].join('\r\n'),
  );
  t.match(quoted, { localId: 'a b', owner: 'ann', sessionType: 'VIRTUAL', name: "it's (mine)" });
  t.match(bare, { localId: 'b-1', owner: 'CORP\\bob', sessionType: 'VIRTUAL', name: '' });
  t.match(console, { localId: 'console', owner: 'root', sessionType: 'CONSOLE', name: '' });
  t.match(odd, { localId: 'c', name: 'plain' });
  for (const none of ['', '\n', 'There are no sessions available.\n', 'No sessions']) t.same(readSessionLines(none), []);
  for (const nonsense of ['Session: a', 'Warning: x', "Session: 'a' (owner:ann type:holo)"]) {
    t.throws(() => readSessionLines(nonsense), /answers with a line that is not understood/, nonsense);
  }
});

t.test('the version is found in whatever is printed around it', async (t) => {
  t.equal(readVersion('Amazon DCV 2024.0 (r18131)\n'), '2024.0.18131');
  t.equal(readVersion('NICE DCV 2020.2 (r9508)\nCopyright (C) 2010-2020 NICE s.r.l.'), '2020.2.9508');
  t.equal(readVersion('2025.0.20177'), '2025.0.20177');
  t.equal(readVersion('2023.1-17701'), '2023.1-17701');
  t.equal(readVersion('Lorem ipsum'), undefined);
});

t.test('endpoints are read from every shape that makes sense', async (t) => {
  const http = { ipAddress: '10.0.0.1', port: 8444, protocol: 'HTTP', webUrlPath: '/dcv' };
  const quic = { ipAddress: '10.0.0.1', port: 8445, protocol: 'QUIC' };
  for (const shape of [
    [
      { 'ip-address': '10.0.0.1', port: 8444, protocol: 'http', 'web-url-path': '/dcv' },
      { 'ip-address': '10.0.0.1', port: 8445, protocol: 'quic' },
    ],
    {
      endpoints: [
        { address: '10.0.0.1:8444', transport: 'websocket', url_path: '/dcv' },
        { ip_address: '10.0.0.1', port: '8445', type: 'QUIC' },
      ],
    },
    { web: [{ host: '10.0.0.1', port: 8444, path: '/dcv' }], quic: { host: '10.0.0.1', port: 8445 } },
    ['https://10.0.0.1:8444/dcv', 'quic://10.0.0.1:8445'],
  ]) {
    t.strictSame(readEndpoints(JSON.stringify(shape)), [http, quic], JSON.stringify(shape));
  }
  t.strictSame(readEndpoints('{"address":"[::]:8443","protocol":"tcp","port":8443}'), [{ port: 8443, protocol: 'HTTP', webUrlPath: '/' }]);
  t.strictSame(readEndpoints('["https://[2001:db8::1]"]'), [{ ipAddress: '2001:db8::1', port: 8443, protocol: 'HTTP', webUrlPath: '/' }]);
});

t.test('what is no endpoint is passed over', async (t) => {
  const shapes = [
    '',
    'x',
    'null',
    '7',
    '{}',
    '[7,"x",null,{}]',
    '[{"port":0,"protocol":"http"}]',
    '[{"port":8443,"protocol":"ftp"}]',
    '[{"port":1.5,"protocol":"http"}]',
  ];
  for (const shape of shapes) t.strictSame(readEndpoints(shape), [], shape);
  t.equal(readEndpoints(JSON.stringify(Array(200).fill('https://10.0.0.1'))).length, 100);
});

t.test('a server that does not say how it is reached has the default port, and HTTP alone', async (t) => {
  t.strictSame(describeServer(undefined, []), {
    version: 'unknown',
    port: 8443,
    webUrlPath: '/',
    endpoints: [{ port: 8443, protocol: 'HTTP', webUrlPath: '/' }],
  });
  const quic = { port: 9000, protocol: 'QUIC' } as const;
  t.match(describeServer('1', [quic, { port: 9001, protocol: 'HTTP', webUrlPath: '/x' }]), { version: '1', port: 9001, webUrlPath: '/x' });
  t.match(describeServer('1', [quic]), { port: 9000, webUrlPath: '/', endpoints: [quic] });
});

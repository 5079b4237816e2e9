import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import t, { type Test } from 'tap';
import { systemClock } from '../../adapters/system.ts';
import { createDcvDriver, type DcvSettings } from '../../agent/drivers/dcv.ts';
import type { Driver, SessionWish } from '../../agent/drivers/driver.ts';
import { createHostFacts, thisMachine } from '../../agent/host-facts/host-facts.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { SessionSpec } from '../../domain/session/events.ts';
import { createDcvHost, type DcvHost } from '../helpers/dcv-host.ts';
import { recordingLogger } from '../helpers/real-agent.ts';
import { until } from '../helpers/until.ts';

/** This machine, wherever it is: nothing in here hangs on EC2. */
const FACTS = createHostFacts(
  { queryLoggedInUsers: false },
  { clock: systemClock, log: recordingLogger() },
  { ...thisMachine(systemClock), metadata: { instance: async () => undefined } },
);

interface SetUp {
  readonly host: DcvHost;
  readonly driver: Driver;
  readonly log: ReturnType<typeof recordingLogger>;
  /** Another agent on the same host. */
  again(): Promise<Driver>;
}

interface Options extends Partial<DcvSettings> {
  readonly osFamily?: string;
  /** How many times as fast as ours its clock goes. */
  readonly haste?: number;
}

async function setUp(t: Test, { osFamily, haste = 1, ...settings }: Options = {}): Promise<SetUp> {
  const host = createDcvHost(t);
  const log = recordingLogger();
  const described = async () => {
    const found = await FACTS.describe();
    return { ...found, os: { ...found.os, family: osFamily ?? found.os.family } };
  };
  const { dcvPath, stateFolder } = host;
  const clock: Clock = { now: systemClock.now, after: (delayMs, action) => systemClock.after(delayMs / haste, action) };
  const again = () =>
    createDcvDriver(
      { dcvPath, stateFolder, folders: host, isRoot: true, ...settings },
      { host: { ...FACTS, describe: described }, clock, log },
    );
  return { host, driver: await again(), log, again };
}

const wish = (localId: string, spec: Partial<SessionSpec> = {}, paths: Partial<SessionWish> = {}): SessionWish => ({
  localId,
  spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', ...spec },
  ...paths,
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PERMISSIONS = '[permissions]\n%owner% allow builtin\n';

t.test('a session is made with everything that was asked for', async (t) => {
  const { host, driver } = await setUp(t);
  const initPath = host.write('init/start.sh', '#!/bin/sh\n', 0o755);
  const spec = {
    dcvGlEnabled: true,
    maxConcurrentClients: 3,
    storageRoot: '%home%/files',
    permissionsFile: base64(PERMISSIONS),
    name: 'a desk',
  };
  t.same(await driver.create(wish('a', spec, { initPath })), { done: true });
  const file = join(host.stateFolder, 'sessions', 'a.perm');
  t.strictSame(host.calls(), [
    [
      ...['create-session', '--type', 'virtual', '--name', 'a desk', '--owner', 'ann', '--user', 'ann', '--permissions-file', file],
      ...['--storage-root', '%home%/files', '--gl', 'on', '--max-concurrent-clients', '3', '--init', initPath, 'a'],
    ],
  ]);
  t.match(host.session('a'), { permissions: PERMISSIONS, owner: 'ann', gl: 'on', maxClients: 3 });
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.match(await driver.list(), [
    { localId: 'a', name: 'a desk', owner: 'ann', sessionType: 'VIRTUAL', connections: 0, storageRoot: '%home%/files' },
  ]);
});

t.test('a console session is made without what only virtual ones have', async (t) => {
  const { host, driver } = await setUp(t, { isRoot: false });
  t.same(await driver.create(wish('c', { sessionType: 'CONSOLE', dcvGlEnabled: false })), { done: true });
  t.same(await driver.create(wish('v', { dcvGlEnabled: false })), { done: true }, 'only root says under which user a session runs');
  t.strictSame(host.calls(), [
    ['create-session', '--type', 'console', '--name', 'desk', '--owner', 'ann', 'c'],
    ['create-session', '--type', 'virtual', '--name', 'desk', '--owner', 'ann', '--gl', 'off', 'v'],
  ]);
});

t.test('what could be taken for a flag does not reach the program', async (t) => {
  const { host, driver } = await setUp(t);
  t.same(await driver.create(wish('-a')), { failed: 'The session id begins with "-", so that the DCV server would take it for a flag.' });
  t.match(await driver.create(wish('a', { name: '--gl', owner: '-x' })), { failed: /^The name begins .* The owner begins / });
  t.match(await driver.create(wish('a', { name: 'x\0y' })), { failed: 'The name has control characters.' });
  t.match(await driver.create(wish('a', { owner: '' })), { failed: 'The owner is empty. The owner is empty.' });
  t.match(await driver.close('-a'), { failed: /begins with "-"/ });
  t.match(await driver.setPermissions('-a', base64(PERMISSIONS)), { failed: /begins with "-"/ });
  t.match(await driver.screenshot('-a', { maxWidth: 1, maxHeight: 1, format: 'png' }), { failed: /begins with "-"/ });
  t.same(host.calls(), []);
});

t.test('why a session could not be made is said precisely', async (t) => {
  const { host, driver } = await setUp(t);
  host.turn({ localUsers: ['ann'], maxSessions: 2 });
  t.match(await driver.create(wish('a', { owner: 'eve' })), { failed: /^Specified user is not a local user of the host; dcv says: / });
  t.same(await driver.create(wish('a')), { done: true });
  t.match(await driver.create(wish('a')), { failed: /^The host has such a session already; dcv says: .*'a' already exists/ });
  t.same(await driver.create(wish('b')), { done: true });
  t.match(await driver.create(wish('c')), { failed: /^The DCV server takes no more sessions; / });
  host.turn({ administrator: false });
  t.match(await driver.create(wish('c')), { failed: /must be among the administrators .* dcv\.conf; dcv says: Operation not permitted/ });
  host.turn({ administrator: true, ailments: { 'create-session': 'fail' } });
  t.match(await driver.create(wish('c')), {
    failed: /^dcv create-session failed; dcv says: create-session: something went wrong in a way/,
  });
  host.turn({ ailments: {}, running: false });
  await t.rejects(driver.create(wish('c')), { message: /^The DCV server of the host is not running; dcv says: / });
  await t.rejects(driver.close('a'), { message: /not running/ });
  await t.rejects(driver.setPermissions('a', base64(PERMISSIONS)), { message: /not running/ });
  t.equal(host.sessions().length, 2);
});

t.test('a session is closed, and one that is not there is closed already', async (t) => {
  const { host, driver } = await setUp(t);
  host.addByHand('a');
  t.same(await driver.close('a'), { done: true });
  t.same(await driver.close('a'), { done: true });
  t.strictSame(host.calls(), [
    ['close-session', 'a'],
    ['close-session', 'a'],
  ]);
  host.turn({ ailments: { 'close-session': 'fail' } });
  t.match(await driver.close('a'), { failed: /^dcv close-session failed/ });
});

t.test('sessions of every version are listed with connections and times', async (t) => {
  const { host, driver } = await setUp(t);
  host.addByHand('a', {
    users: ['ann', 'bob'],
    lastDisconnectionTime: '2026-01-15T10:00:00.123456Z',
    creationTime: '2026-01-15T09:00:00.5Z',
  });
  host.addByHand('console', { type: 'console', owner: 'root', name: "it's" });
  const [a, console] = [
    {
      localId: 'a',
      connections: 2,
      creationTime: Date.parse('2026-01-15T09:00:00.500Z'),
      lastDisconnectionTime: Date.parse('2026-01-15T10:00:00.123Z'),
    },
    { localId: 'console', sessionType: 'CONSOLE', owner: 'root', connections: 0, lastDisconnectionTime: undefined },
  ];
  t.match(await driver.list(), [a, console]);
  host.turn({ shape: 'old' });
  const [before] = await driver.list();
  t.equal(before?.creationTime, Date.parse('2026-01-15T09:00:00Z'), 'in seconds');
  t.equal(host.count('describe-session') + host.count('list-connections'), 0);
  host.turn({ shape: 'oldest' });
  t.match(await driver.list(), [
    { localId: 'a', connections: 2, lastDisconnectionTime: undefined },
    { localId: 'console', connections: 0 },
  ]);
  t.equal(host.count('list-connections'), 2);
});

t.test('a version that prints no JSON is found out once, and described session by session', async (t) => {
  const { host, driver } = await setUp(t);
  host.turn({ json: false, quoted: false });
  t.same(await driver.list(), []);
  host.addByHand('a', { users: ['ann'] });
  t.match(await driver.list(), [{ localId: 'a', owner: 'ann', connections: 1, name: 'by hand' }]);
  t.strictSame(host.calls(), [['list-sessions', '--json'], ['list-sessions'], ['list-sessions'], ['describe-session', 'a', '--json']]);
  host.turn({ describeJson: false });
  const [first] = await driver.list();
  const [second] = await driver.list();
  t.match(first, { localId: 'a', owner: 'ann', connections: 0, name: '' });
  t.equal(second?.creationTime, first?.creationTime, 'when it was first seen');
  host.forgetCalls();
  await driver.list();
  t.strictSame(host.calls(), [['list-sessions']]);
});

t.test('a session that ends while it is described is not there any more', async (t) => {
  const { host, driver } = await setUp(t);
  host.turn({ json: false });
  host.addByHand('a');
  host.addByHand('-odd');
  t.same(
    (await driver.list()).map(({ localId }) => localId),
    ['-odd', 'a'],
    'an id like a flag is not asked about',
  );
  host.turn({ delayMs: { 'describe-session': 1000 } });
  const listing = driver.list();
  await until('it is described', () => host.count('describe-session') === 2);
  host.removeByHand('a');
  t.same(
    (await listing).map(({ localId }) => localId),
    ['-odd'],
  );
  host.turn({ ailments: { 'describe-session': 'fail' } });
  host.addByHand('b');
  await t.rejects(driver.list(), /describe-session failed/);
});

t.test('a server that is down, dies or talks nonsense is not believed to have no sessions', async (t) => {
  const { host, driver } = await setUp(t);
  host.turn({ running: false });
  await t.rejects(driver.list(), { message: /^The DCV server of the host is not running; / });
  host.turn({ running: true, ailments: { 'list-sessions': 'nonsense' } });
  await t.rejects(driver.list(), { message: 'dcv list-sessions answers with something that is not JSON: Lorem ipsum dolor' });
  host.turn({ ailments: { 'list-sessions': 'die' } });
  await t.rejects(driver.list(), { message: 'dcv list-sessions was ended by SIGKILL' });
  host.turn({ ailments: { 'list-sessions': 'flood' } });
  await t.rejects(driver.list(), { message: 'dcv list-sessions printed more than 1048576 bytes and was stopped' });
  host.turn({ ailments: {} });
  t.same(await driver.list(), []);
});

t.test('pictures fit into what was asked for, in either format, whether they are printed or written to a file', async (t) => {
  const { host, driver } = await setUp(t);
  host.addByHand('a');
  const take = (format: 'png' | 'jpeg') => driver.screenshot('a', { maxWidth: 320, maxHeight: 100, format });
  for (const screenshotJson of [true, false]) {
    host.turn({ screenshotJson });
    for (const format of ['png', 'jpeg'] as const) {
      const taken = await take(format);
      if ('failed' in taken) throw new Error(taken.failed);
      t.match(taken.images, [{ format, primary: true }]);
      t.equal(taken.images.length, 1);
      const picture = Buffer.from(String(taken.images[0]?.data), 'base64');
      if (format === 'png') t.match(decode(picture), { width: 133, height: 100 });
      else t.equal(picture.subarray(0, 3).toString('hex'), 'ffd8ff');
    }
  }
  const [printed, , , written] = host.calls();
  t.strictSame(printed, ['get-screenshot', '--max-width', '320', '--max-height', '100', '--format', 'PNG', 'a', '--json']);
  t.match(written?.slice(-2), ['--output', /sessions\/picture-\w+\/picture$/]);
  t.same(readdirSync(join(host.stateFolder, 'sessions')), [], 'no file stays');
  t.equal(host.count('get-screenshot'), 5);
});

t.test('a picture that is none is not passed on', async (t) => {
  const { host, driver } = await setUp(t);
  const take = () => driver.screenshot('a', { maxWidth: 9000, maxHeight: 9000, format: 'png' });
  await t.rejects(take(), { message: /^The host has no such session; / });
  host.addByHand('a');
  host.turn({ ailments: { 'get-screenshot': 'nonsense' } });
  await t.rejects(take(), { message: /not JSON: Lorem/ });
  const fake = (script: string) => writeFileSync(host.dcvPath, `#!/bin/sh\n${script}\n`);
  fake('echo \'[{"format":"png","base64":"AAAA"}]\'');
  t.same(await take(), { failed: 'dcv get-screenshot gave something that is no PNG picture' });
  fake('case "$*" in *--json*) echo "unknown option" >&2; exit 1;; esac\nfor path; do :; done; head -c 10000000 /dev/zero > "$path"');
  t.same(await take(), { failed: 'The picture is larger than 9437184 bytes' });
  t.same(readdirSync(join(host.stateFolder, 'sessions')), []);
});

t.test('permissions are changed while a session lives, and their file goes with it', async (t) => {
  const { host, driver, again } = await setUp(t);
  const folder = join(host.stateFolder, 'sessions');
  await driver.create(wish('a', { permissionsFile: base64(PERMISSIONS) }));
  await driver.create(wish('b', { permissionsFile: base64(PERMISSIONS) }));
  const newer = `${PERMISSIONS}%any% deny usb\n`;
  t.same(await driver.setPermissions('a', base64(newer)), { done: true });
  t.strictSame(host.calls().at(-1), ['set-permissions', '--session', 'a', '--file', join(folder, 'a.perm')]);
  t.equal(host.session('a')?.permissions, newer);
  t.equal(statSync(join(folder, 'a.perm')).mode & 0o777, 0o600);
  t.match(await driver.setPermissions('a', base64('[permissions]\nann alow usb')), {
    failed: /^The permissions file line 2: expected an actor/,
  });
  t.match(await driver.create(wish('c', { permissionsFile: '*' })), { failed: 'The permissions file is not base64' });
  t.match(await driver.setPermissions('nobody', base64(newer)), { failed: /^The host has no such session/ });
  t.equal(readFileSync(join(folder, 'a.perm'), 'utf8'), newer);
  await driver.list();
  t.same(readdirSync(folder).sort(), ['a.perm', 'b.perm']);
  await driver.close('a');
  await driver.list();
  t.same(readdirSync(folder), ['b.perm']);
  writeFileSync(join(folder, 'b.perm.draft.tmp'), '');
  host.removeByHand('b');
  const next = await again();
  t.same(readdirSync(folder), ['b.perm'], 'drafts of an agent that was killed are gone at once');
  await next.list();
  t.same(readdirSync(folder), [], 'what belongs to a session that ended meanwhile goes after a look');
});

t.test('the files of a session that is being made are left alone by looks at the host', async (t) => {
  const { host, driver } = await setUp(t);
  host.turn({ delayMs: { 'create-session': 700, 'list-sessions': 300 } });
  const making = driver.create(wish('a', { permissionsFile: base64(PERMISSIONS) }));
  await until('it is being made', () => host.count('create-session') === 1);
  await driver.list();
  const looking = driver.list();
  await making;
  await looking;
  t.equal(host.session('a')?.permissions, PERMISSIONS);
  t.same(readdirSync(join(host.stateFolder, 'sessions')), ['a.perm']);
});

t.test('a host is described with the version and the endpoints of its DCV server, as last heard', async (t) => {
  const { host, driver } = await setUp(t);
  const { ip } = await FACTS.describe();
  t.match(await driver.describe(), {
    version: '2024.0.18131',
    port: 8443,
    webUrlPath: '/',
    endpoints: [
      { ipAddress: ip, port: 8443, protocol: 'HTTP' },
      { ipAddress: ip, port: 8443, protocol: 'QUIC' },
    ],
    os: { family: 'linux' },
  });
  const two = [['version'], ['list-endpoints', '-j']];
  t.same(host.calls().slice().sort(), two.slice().sort());
  await Promise.all([driver.describe(), driver.describe()]);
  t.equal(host.calls().length, 2, 'what seldom changes is not asked for at every look');
  host.turn({ running: false, version: 'DCV 2025.0 (r1)' });
  await t.rejects(driver.list());
  t.match(await driver.describe(), { version: '2025.0.1', endpoints: { length: 2 } });
  host.turn({ running: true, endpoints: null, ailments: { version: 'die' } });
  await t.rejects((await setUp(t, { dcvPath: '/no/such/dcv' })).driver.list(), /There is no program/);
  host.turn({ ailments: { version: 'die', 'list-sessions': 'die' } });
  await t.rejects(driver.list());
  t.match(await driver.describe(), { version: '2025.0.1', endpoints: { length: 2 } });
  t.match(await (await setUp(t, { dcvPath: '/no/such/dcv' })).driver.describe(), {
    version: 'unknown',
    port: 8443,
    endpoints: { length: 1 },
  });
  t.match(await driver.telemetry(), { cpuLoadAverage: { length: 3 } });
  t.same(await driver.loggedInUsers(), []);
});

t.test('changes on the host are noticed within seconds, and only changes', async (t) => {
  const { host, driver } = await setUp(t, { haste: 20 });
  host.addByHand('a');
  let changes = 0;
  driver.watch(() => {
    changes += 1;
  });
  const next = async (what: string, change: () => void): Promise<void> => {
    const before = changes;
    change();
    await until(what, () => changes > before);
  };
  await until('two looks', () => host.count('list-sessions') >= 2);
  t.equal(changes, 0);
  await next('a user connects', () => host.connect('a', 'ann'));
  await next('a user leaves', () => host.disconnect('a'));
  await next('a session is made by hand', () => host.addByHand('b'));
  await next('the server goes down', () => host.turn({ running: false }));
  await next('the server is back', () => host.turn({ running: true }));
  await next('a session is closed by its user', () => host.removeByHand('b'));
  driver.watch(undefined);
  t.equal(changes, 6);
});

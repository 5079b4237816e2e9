import t from 'tap';
import { type SessionId, sessionId } from '../../domain/ids.ts';
import type { Order } from '../../domain/ports/agent-link.ts';
import { newRemains, type SimulatedAgent, startSimulatedAgent } from '../helpers/simulated-agent.ts';

type CreateOrder = Extract<Order, { kind: 'create-session' }>;

const create = (id: string, attempt = 1, spec: Partial<CreateOrder['spec']> = {}): CreateOrder => ({
  kind: 'create-session',
  orderId: `create-session:${id}:${attempt}`,
  sessionId: sessionId(id),
  attempt,
  spec: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', ...spec },
});

const close = (id: string): Order => ({ kind: 'close-session', orderId: `close-session:${id}:1`, sessionId: sessionId(id), localId: id });

const picture = (id: string): Order => ({
  kind: 'take-screenshot',
  orderId: `take-screenshot:${id}`,
  sessionId: sessionId(id),
  localId: id,
  maxWidth: 64,
  maxHeight: 40,
  format: 'png',
});

/** A session id is text; the tests compare it as such. */
const ids = (...names: string[]): SessionId[] => names.map(sessionId);

const order = ({ broker }: SimulatedAgent, ...orders: Order[]): void => {
  for (const each of orders) broker.handlers?.order(each);
};

const saidOf = ({ broker }: SimulatedAgent): string[] =>
  broker.reports.map((report) => ('sessionId' in report ? `${report.kind} ${report.sessionId}` : report.kind));

const logged = ({ log }: SimulatedAgent, text: string): boolean => log.lines.some(({ message }) => message.includes(text));

t.test('an order is carried out once, however often it comes', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'), create('a'));
  await it.clock.advance(50);
  order(it, create('a'));
  await it.clock.advance(100);
  t.same(saidOf(it), ['session-started a']);
  order(it, create('a'));
  await it.clock.advance(200);
  t.same(saidOf(it), ['session-started a', 'session-started a'], 'the outcome is reported again');
  t.equal((await it.driver.list()).length, 1);
  await it.agent.stop();
});

t.test('an outcome that waits in the outbox is not put there twice', async (t) => {
  const it = await startSimulatedAgent();
  it.broker.deaf = true;
  order(it, create('a'), create('b', 1, { owner: 'nobody-here' }));
  await it.clock.advance(150);
  order(it, create('a'), create('b', 1, { owner: 'nobody-here' }), close('c'), close('c'));
  await it.clock.advance(150);
  order(it, close('c'));
  await it.clock.advance(150);
  it.broker.deaf = false;
  await it.clock.advance(3000);
  t.same(saidOf(it), ['session-started a', 'session-failed b', 'session-ended c']);
  t.match(it.broker.reports[1], { reason: "Could not create session 'b': Specified user is not a local user" });
  await it.agent.stop();
});

t.test('four sessions are worked on at once, and one session in order', async (t) => {
  const it = await startSimulatedAgent();
  order(it, ...['a', 'b', 'c', 'd', 'e'].map((id) => create(id)), close('a'));
  await it.clock.advance(110);
  t.same(
    saidOf(it).sort(),
    ['a', 'b', 'c', 'd'].map((id) => `session-started ${id}`),
  );
  await it.clock.advance(40);
  t.same(saidOf(it).at(-1), 'session-ended a');
  await it.clock.advance(100);
  t.same(saidOf(it).at(-1), 'session-started e');
  t.same((await it.driver.list()).map(({ localId }) => localId).sort(), ['b', 'c', 'd', 'e']);
  await it.agent.stop();
});

t.test('a second attempt is a new order, and an older one is passed over', async (t) => {
  const it = await startSimulatedAgent(newRemains(), { host: { failureRate: 1 } });
  order(it, create('a', 1));
  await it.clock.advance(150);
  order(it, create('a', 2), create('a', 1));
  await it.clock.advance(300);
  t.match(it.broker.reports, [
    { kind: 'session-failed', attempt: 1, reason: /X server/ },
    { kind: 'session-failed', attempt: 2 },
  ]);
  t.equal(it.broker.reports.length, 2);
  t.ok(logged(it, 'older than what was done already'));
  await it.agent.stop();
});

t.test('a new attempt takes over what an earlier one has left alive', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a', 1));
  await it.clock.advance(150);
  order(it, create('a', 2));
  await it.clock.advance(150);
  t.match(it.broker.reports, [{ attempt: 1 }, { kind: 'session-started', attempt: 2 }]);
  t.equal((await it.driver.list()).length, 1);
  await it.agent.stop();
});

t.test('an order whose session was closed meanwhile does not bring it back', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'), close('a'));
  await it.clock.advance(300);
  order(it, create('a'));
  await it.clock.advance(300);
  t.same(saidOf(it), ['session-started a', 'session-ended a', 'session-ended a']);
  t.match(it.broker.reports.at(-1), { reason: 'Closed on request' });
  t.same(await it.driver.list(), []);
  await it.agent.stop();
});

t.test('files outside the folders of the agent are never run', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a', 1, { initFile: '../etc/passwd' }), create('b', 1, { autorunFile: '/bin/sh' }));
  order(it, create('c', 1, { initFile: 'x/start.sh', autorunFile: 'y.sh' }), create('d', 1, { initFilePath: '/init/start.sh' }));
  order(it, create('e', 1, { initFilePath: '/opt/init.sh' }));
  await it.clock.advance(300);
  t.match(
    it.broker.reports.filter(({ kind }) => kind === 'session-failed'),
    [
      { reason: /init file '\.\.\/etc\/passwd' is not inside/ },
      { reason: /autorun file '\/bin\/sh' is not inside/ },
      { reason: /init file '\/opt\/init\.sh' is not inside/ },
    ],
  );
  t.equal((await it.driver.list()).length, 2);
  await it.agent.stop();
});

t.test('what happens by hand on the host is reported at once', async (t) => {
  const it = await startSimulatedAgent();
  await it.driver.addByHand({ localId: 'console', owner: 'root', name: 'x'.repeat(300) });
  await it.driver.addByHand({ localId: 'not an id', owner: 'root' });
  await it.driver.setConnections('console', 2);
  await it.clock.advance(0);
  await it.driver.setConnections('console', 1);
  await it.driver.setConnections('not there', 1);
  await it.clock.advance(0);
  await it.driver.removeByHand('console');
  await it.driver.removeByHand('console');
  await it.clock.advance(0);
  it.driver.logIn(['eve']);
  await it.clock.advance(0);
  const now = it.clock.now();
  t.match(it.broker.reports, [
    { kind: 'session-found', session: { sessionId: 'console', localId: 'console', attempt: 0, spec: { owner: 'root' } } },
    { kind: 'connections-changed', sessionId: 'console', count: 2 },
    { kind: 'connections-changed', sessionId: 'console', count: 1, lastDisconnectionTime: now },
    { kind: 'session-ended', sessionId: 'console', reason: 'The session was closed on its host' },
    { kind: 'logged-in-users-changed', users: ['eve'] },
  ]);
  t.equal(it.broker.reports.length, 5);
  await it.agent.stop();
});

t.test('a session that was closed and made anew by hand while nobody could look is another one', async (t) => {
  const it = await startSimulatedAgent();
  await it.driver.addByHand({ localId: 'console', owner: 'root', creationTime: 1 });
  await it.clock.advance(0);
  it.driver.breakDown('it hangs');
  await it.driver.removeByHand('console');
  await it.driver.addByHand({ localId: 'console', owner: 'bob', creationTime: 2 });
  it.driver.breakDown();
  await it.clock.advance(0);
  order(it, close('console'));
  await it.clock.advance(200);
  const said = it.broker.reports.filter(({ kind }) => kind !== 'health-changed');
  t.match(said, [
    { kind: 'session-found', session: { spec: { owner: 'root' } } },
    { kind: 'session-ended', sessionId: 'console', creationTime: 1 },
    { kind: 'session-found', session: { spec: { owner: 'bob' } } },
    { kind: 'session-ended', sessionId: 'console', creationTime: 2, reason: 'Closed on request' },
  ]);
  t.equal(said.length, 4);
  await it.agent.stop();
});

t.test('a DCV server that breaks down keeps its sessions and is reported, and so is its recovery', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'));
  await it.clock.advance(150);
  it.driver.breakDown('dcvserver is not running');
  await it.clock.advance(0);
  it.broker.handlers?.closed('the socket closed');
  await it.clock.advance(200);
  t.match(it.broker.greetings[1], { healthy: false, healthReason: 'dcvserver is not running', sessions: [{ sessionId: 'a' }] });
  order(it, create('b'), close('a'), {
    kind: 'set-permissions',
    orderId: 'p',
    sessionId: sessionId('c'),
    localId: 'c',
    permissionsFile: '',
  });
  await it.clock.advance(5000);
  t.ok(logged(it, 'a session could not be closed'));
  t.ok(logged(it, 'an order could not be carried out'));
  it.driver.breakDown();
  await it.clock.advance(0);
  t.same(saidOf(it), ['session-started a', 'health-changed', 'session-failed b', 'health-changed']);
  t.match(it.broker.reports.at(-1), { healthy: true });
  t.equal((await it.driver.list()).length, 1);
  await it.agent.stop();
});

t.test('a session that its host would not close is closed when the host is well again, even if nobody asks again', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'), create('b'));
  await it.clock.advance(150);
  it.driver.breakDown('dcvserver is not running');
  order(it, close('a'), close('b'));
  await it.clock.advance(60_000);
  it.driver.breakDown();
  order(it, close('b'));
  await it.clock.advance(100);
  t.match(await it.driver.list(), [{ localId: 'a' }], 'an order that comes again is not put off');
  await it.clock.advance(35_000);
  t.same(await it.driver.list(), []);
  t.same(
    saidOf(it).filter((said) => said.startsWith('session-ended')),
    ['session-ended b', 'session-ended a'],
  );
  await it.agent.stop();
});

t.test('an agent that stops tries nothing later', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'), create('b'));
  await it.clock.advance(150);
  it.driver.breakDown('dcvserver is not running');
  order(it, close('a'));
  await it.clock.advance(5000);
  order(it, close('b'));
  const stopping = it.agent.stop();
  await it.clock.advance(5000);
  await stopping;
  it.driver.breakDown();
  await it.clock.advance(120_000);
  t.equal((await it.driver.list()).length, 2);
});

t.test('an agent starts on a host whose DCV server is down, and says so', async (t) => {
  const remains = newRemains();
  const first = await startSimulatedAgent(remains);
  order(first, create('a'));
  await first.clock.advance(150);
  await first.agent.stop();
  const broken = async (): Promise<never> => {
    throw new Error('dcvserver is not running');
  };
  const it = await startSimulatedAgent(remains, { altered: (driver) => ({ ...driver, list: broken }) });
  t.match(it.broker.greetings, [{ healthy: false, healthReason: 'dcvserver is not running', sessions: [{ sessionId: 'a', attempt: 1 }] }]);
  t.same(it.broker.reports, []);
  await it.agent.stop();
});

t.test('a greeting that could not say what is alive is given again when the DCV server answers', async (t) => {
  const remains = newRemains();
  const first = await startSimulatedAgent(remains);
  await first.driver.addByHand({ localId: 'desk', owner: 'ann' });
  await first.agent.stop();
  let broken = true;
  const it = await startSimulatedAgent(remains, {
    altered: (driver) => ({ ...driver, list: async () => (broken ? Promise.reject(new Error('it hangs')) : driver.list()) }),
  });
  t.match(it.broker.greetings, [{ healthy: false, sessions: [] }]);
  broken = false;
  it.driver.logIn(['eve']);
  await it.clock.advance(0);
  t.match(it.broker.greetings[1], { healthy: true, sessions: [{ sessionId: 'desk' }] });
  it.driver.logIn([]);
  await it.clock.advance(0);
  t.equal(it.broker.greetings.length, 2, 'and then no more');
  await it.agent.stop();
});

t.test('permissions that could not be set are set later, and only the newest', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'));
  await it.clock.advance(150);
  const permissions = (permissionsFile: string): Order => ({
    kind: 'set-permissions',
    orderId: `set-permissions:a:${permissionsFile}`,
    sessionId: sessionId('a'),
    localId: 'a',
    permissionsFile,
  });
  it.driver.breakDown('it hangs');
  order(it, permissions('b25l'), permissions('dHdv'));
  await it.clock.advance(10);
  order(it, permissions('dGhyZWU='));
  await it.clock.advance(10);
  it.driver.breakDown();
  t.equal(it.driver.permissionsOf('a'), undefined);
  await it.clock.advance(31_000);
  t.equal(it.driver.permissionsOf('a'), 'dGhyZWU=');
  await it.agent.stop();
});

t.test('an agent does not greet before it can describe its host, and goes on trying', async (t) => {
  let broken = true;
  const it = await startSimulatedAgent(newRemains(), {
    altered: (driver) => ({
      ...driver,
      telemetry: async () => (broken ? Promise.reject(new Error('no /proc/meminfo')) : driver.telemetry()),
    }),
  });
  t.same(it.broker.greetings, []);
  t.ok(it.log.lines.some(({ fields }) => 'reason' in fields && fields.reason === 'The host cannot be described: no /proc/meminfo'));
  broken = false;
  await it.clock.advance(200);
  t.match(it.broker.greetings, [{ healthy: true }]);
  await it.agent.stop();
});

t.test('permissions are set, and a session that is not there is logged', async (t) => {
  const it = await startSimulatedAgent();
  const permissions = (id: string): Order => ({
    kind: 'set-permissions',
    orderId: `set-permissions:${id}`,
    sessionId: sessionId(id),
    localId: id,
    permissionsFile: 'cGVybXM=',
  });
  order(it, create('a'), permissions('a'), permissions('b'));
  await it.clock.advance(200);
  t.equal(it.driver.permissionsOf('a'), 'cGVybXM=');
  t.equal(it.driver.permissionsOf('b'), undefined);
  t.ok(logged(it, 'permissions could not be set'));
  await it.agent.stop();
});

t.test('pictures are taken a few at a time, and too many are refused', async (t) => {
  const it = await startSimulatedAgent();
  await it.driver.addByHand({ localId: 'a', owner: 'ann' });
  order(it, ...Array.from({ length: 40 }, () => picture('a')));
  await it.clock.advance(0);
  for (let turns = 0; turns < 30; turns += 1) await it.clock.advance(0);
  t.equal(it.broker.pictures.length, 40);
  t.equal(it.broker.pictures.filter(({ outcome }) => 'reason' in outcome && outcome.reason.includes('busy')).length, 6);
  t.equal(it.broker.pictures.filter(({ outcome }) => 'images' in outcome).length, 34);
  it.broker.down = 'gone';
  order(it, picture('a'));
  await it.clock.advance(0);
  t.ok(logged(it, 'pictures were lost'));
  await it.agent.stop();
});

t.test('the agent beats, and gives the broker up after the silence', async (t) => {
  const it = await startSimulatedAgent();
  const before = it.broker.posts;
  await it.clock.advance(7000);
  t.equal(it.broker.posts - before, 2);
  it.broker.handlers?.alive();
  await it.clock.advance(7900);
  t.equal(it.broker.greetings.length, 1);
  await it.clock.advance(300);
  t.equal(it.broker.greetings.length, 2);
  t.equal(it.broker.closedByAgent, 1);
  t.ok(it.agent.connected());
  await it.agent.stop();
  t.notOk(it.agent.connected());
});

t.test('tries to reconnect become rarer, up to one in five seconds, and never march in step', async (t) => {
  const it = await startSimulatedAgent();
  const { log, clock, broker } = it;
  const waits = (): number[] => log.lines.flatMap(({ fields }) => ('retryInMs' in fields ? [Number(fields.retryInMs)] : []));
  broker.down = 'the broker is down';
  broker.handlers?.closed('gone');
  await clock.advance(60_000);
  t.ok((waits()[0] ?? 0) <= 100 && (waits()[0] ?? 0) >= 50);
  t.ok(
    waits()
      .slice(8)
      .every((wait) => wait >= 2500 && wait <= 5000),
  );
  t.ok(new Set(waits().slice(8)).size > 3);
  broker.down = undefined;
  await clock.advance(10_000);
  const tries = waits().length;
  broker.handlers?.closed('gone again');
  t.ok((waits()[tries] ?? 0) <= 100, 'a link that stood for a while starts anew');
  await clock.advance(1000);
  broker.handlers?.closed('at once');
  t.ok((waits()[tries + 1] ?? 0) >= 100, 'one that breaks at once does not');
  await it.agent.stop();
});

t.test('what a former connection still says is ignored', async (t) => {
  const it = await startSimulatedAgent();
  const former = it.broker.handlers;
  former?.closed('gone');
  former?.closed('gone twice');
  await it.clock.advance(1000);
  t.equal(it.broker.greetings.length, 2);
  former?.order(create('a'));
  former?.alive();
  former?.closed('gone thrice');
  await it.clock.advance(1000);
  t.equal(it.broker.greetings.length, 2);
  t.same(saidOf(it), []);
  await it.agent.stop();
});

t.test('a post that fails ends the connection, and nothing is lost', async (t) => {
  const it = await startSimulatedAgent();
  it.broker.down = 'ECONNRESET';
  await it.driver.addByHand({ localId: 'x', owner: 'ann' });
  await it.clock.advance(0);
  t.notOk(it.agent.connected());
  it.broker.down = undefined;
  await it.clock.advance(5000);
  t.match(it.broker.reports, [{ kind: 'session-found', session: { sessionId: 'x' } }]);
  t.equal(it.broker.reports.length, 1);
  await it.agent.stop();
});

t.test('an acknowledgement that comes after the connection was lost changes nothing', async (t) => {
  const it = await startSimulatedAgent();
  let release = (): void => undefined;
  it.broker.hold = new Promise((resolve) => {
    release = resolve;
  });
  await it.driver.addByHand({ localId: 'x', owner: 'ann' });
  await it.clock.advance(4000);
  it.broker.handlers?.closed('gone');
  it.broker.hold = Promise.resolve();
  release();
  await it.clock.advance(1000);
  t.equal(it.broker.reports.length, 2, 'it is reported again on the next connection');
  t.equal(new Set(it.broker.reports.map(({ reportId }) => reportId)).size, 1);
  await it.agent.stop();
});

t.test('orders beyond all measure are refused', async (t) => {
  const it = await startSimulatedAgent();
  order(it, ...Array.from({ length: 10_010 }, (_, index) => close(`s${index}`)));
  t.equal(it.log.lines.filter(({ message }) => message.includes('too many are waiting')).length, 6);
  const stopped = it.agent.stop();
  await it.clock.advance(100);
  await stopped;
});

t.test('a list that was asked for before an order was done is not believed about its session', async (t) => {
  const remains = newRemains();
  let slow = false;
  const it = await startSimulatedAgent(remains, {
    altered: (driver) => ({
      ...driver,
      async list() {
        const sessions = await driver.list();
        if (slow) await new Promise<void>((resolve) => remains.clock.after(60, resolve));
        return sessions;
      },
    }),
  });
  slow = true;
  order(it, create('a'));
  await it.clock.advance(300);
  await it.driver.addByHand({ localId: 'z', owner: 'ann' });
  order(it, close('a'), create('b'));
  await it.clock.advance(500);
  t.match(it.broker.reports, [
    { kind: 'session-started', sessionId: 'a' },
    { kind: 'session-ended', sessionId: 'a' },
    { kind: 'session-found', session: { sessionId: 'z' } },
    { kind: 'session-started', sessionId: 'b' },
  ]);
  t.equal(it.broker.reports.length, 4);
  slow = false;
  await it.agent.stop();
});

t.test('a change of the description is reported', async (t) => {
  let cpus = 4;
  const it = await startSimulatedAgent(newRemains(), {
    altered: (driver) => ({
      ...driver,
      async describe() {
        const host = await driver.describe();
        return { ...host, cpu: { ...host.cpu, numberOfCpus: cpus } };
      },
    }),
  });
  cpus = 8;
  for (let seconds = 0; seconds < 35; seconds += 1) {
    it.broker.handlers?.alive();
    await it.clock.advance(1000);
  }
  t.match(it.broker.reports, [{ kind: 'server-described', description: { cpu: { numberOfCpus: 8 } } }]);
  await it.agent.stop();
});

t.test('a journal that cannot be written stops new sessions, but nothing that has happened goes untold', async (t) => {
  const remains = newRemains();
  const it = await startSimulatedAgent({
    ...remains,
    journal: {
      ...remains.journal,
      append: async () => {
        throw new Error('ENOSPC');
      },
    },
  });
  order(it, create('a'), close('b'));
  await it.clock.advance(300);
  t.match(
    it.broker.reports.find(({ kind }) => kind === 'session-failed'),
    { reason: 'ENOSPC' },
  );
  t.ok(saidOf(it).includes('session-ended b'));
  t.same(await it.driver.list(), []);
  t.ok(logged(it, 'the journal could not be written'));
  await it.agent.stop();
});

t.test('no new work is begun while the outbox is full, and none is forgotten', async (t) => {
  const it = await startSimulatedAgent(newRemains(), { outboxLimit: 2 });
  it.broker.deaf = true;
  order(it, create('a'), create('b'), create('c'));
  await it.clock.advance(1000);
  t.equal((await it.driver.list()).length, 2);
  t.ok(logged(it, 'waits because the outbox is full'));
  it.broker.handlers?.closed('gone');
  await it.clock.advance(1000);
  t.same(it.broker.greetings[1]?.inProgress, ids('c'));
  it.broker.deaf = false;
  await it.clock.advance(4000);
  t.same(saidOf(it), ['session-started a', 'session-started b', 'session-started c']);
  await it.agent.stop();
});

t.test('telemetry goes with the next post after every update interval', async (t) => {
  const it = await startSimulatedAgent();
  for (let seconds = 0; seconds < 70; seconds += 1) {
    it.broker.handlers?.alive();
    await it.clock.advance(1000);
  }
  t.equal(it.broker.telemetry.length, 2);
  await it.agent.stop();
});

t.test('a clock that somebody sets neither ends the connection nor delays anything', async (t) => {
  const { agent, broker, clock, driver } = await startSimulatedAgent();
  for (const hours of [5, -12, 24 * 365, -24 * 365]) {
    const [posts, telemetry] = [broker.posts, broker.telemetry.length];
    clock.set(hours * 3_600_000);
    for (let beat = 0; beat < 11; beat += 1) {
      broker.handlers?.alive();
      await clock.advance(3000);
    }
    t.ok(agent.connected());
    t.ok(broker.posts - posts >= 10, 'it beats as before');
    t.ok(broker.telemetry.length > telemetry, 'telemetry comes as before');
    await driver.addByHand({ localId: `at-${hours}`, owner: 'ann' });
    await clock.advance(0);
    t.ok(broker.reports.some((report) => report.kind === 'session-found' && report.session.localId === `at-${hours}`));
  }
  t.equal(broker.greetings.length, 1);
  await agent.stop();
});

t.test('an agent that was killed while it made a session finds out how that ended', async (t) => {
  const remains = newRemains();
  const first = await startSimulatedAgent(remains);
  order(first, create('a'), create('b'));
  await first.clock.advance(50);
  // Killed: nobody stops it. Of its two orders one has had its effect on the host, unseen; the other has not.
  first.broker.handlers?.closed('killed');
  first.broker.down = 'killed';
  const spec = { localId: 'a', name: 'desk', owner: 'ann', sessionType: 'VIRTUAL' as const, creationTime: 1, connections: 0 };
  const second = await startSimulatedAgent({ ...remains, shelf: { load: async () => [spec], save: async () => undefined } });
  t.match(second.broker.greetings[0]?.sessions, [{ sessionId: 'a', attempt: 1 }]);
  t.same(second.broker.greetings[0]?.inProgress, []);
  t.same(saidOf(second), ['session-started a']);
  order(second, create('a'), create('b'));
  await second.clock.advance(150);
  t.same(saidOf(second), ['session-started a', 'session-started a', 'session-started b']);
  t.equal((await second.driver.list()).length, 2);
  await second.agent.stop();
  await first.agent.stop();
});

t.test('a session that the DCV server was still making for a killed agent is there, not failed', async (t) => {
  const remains = newRemains();
  const first = await startSimulatedAgent(remains);
  order(first, create('a'));
  await first.clock.advance(50);
  first.broker.handlers?.closed('killed');
  first.broker.down = 'killed';
  // The same DCV server goes on; its next agent is told to make the session once more, with permissions that are newer.
  const second = await startSimulatedAgent(remains, { altered: () => first.driver });
  order(second, create('a', 1, { permissionsFile: 'bmV3' }));
  await second.clock.advance(200);
  t.match(second.broker.reports, [{ kind: 'session-started', sessionId: 'a', attempt: 1 }]);
  t.equal(second.broker.reports.length, 1);
  t.equal(first.driver.permissionsOf('a'), 'bmV3');
  await second.agent.stop();
  await first.agent.stop();
});

t.test('sessions that ended while the agent was away are reported when it is back', async (t) => {
  const remains = newRemains();
  const first = await startSimulatedAgent(remains);
  order(first, create('a'));
  await first.clock.advance(150);
  await first.agent.stop();
  const second = await startSimulatedAgent({ ...remains, shelf: { load: async () => [], save: async () => undefined } });
  t.same(second.broker.greetings[0]?.sessions, []);
  t.same(second.broker.greetings[0]?.inProgress, ids('a'));
  t.same(saidOf(second), ['session-ended a']);
  await second.agent.stop();
});

t.test('an order whose effect is unknown leaves nothing behind', async (t) => {
  const it = await startSimulatedAgent();
  order(it, create('a'));
  await it.clock.advance(50);
  it.driver.breakDown('it hangs');
  await it.clock.advance(60);
  it.driver.breakDown();
  await it.clock.advance(100);
  t.match(
    it.broker.reports.find(({ kind }) => kind === 'session-failed'),
    { reason: 'it hangs' },
  );
  t.same(await it.driver.list(), []);
  await it.agent.stop();
});

/** Several brokers on one log: who leads, what becomes of the work of one that dies, and of the servers that it held. */
import t from 'tap';
import { brokerId, serverId } from '../../domain/ids.ts';
import type { Locks } from '../../domain/ports/locks.ts';
import { setUpCluster } from '../helpers/cluster.ts';
import { ORIGIN } from '../helpers/samples.ts';
import { pause, until } from '../helpers/until.ts';

const LEADS = 'info: This broker leads.';

t.test('any broker takes a request, the leader places it, and the one that holds the agent gives the order', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other, third] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')];
  t.ok(leader.said.includes(LEADS));
  t.notOk(other.said.includes(LEADS));
  await third.greet('A');
  const [created] = await other.create();
  t.match(created, { done: { state: 'CREATING' } });
  await cluster.settle();
  t.match(third.orders, [{ server: 'A', order: { kind: 'create-session' } }]);
  t.match(await other.create({ requirements: "tag:none = '1'" }), [{ rejected: { code: 'NO_SERVER' } }]);
  t.match(await other.create({ requirements: "tag:none = '1'", enqueue: true }), [{ done: { state: 'CREATING' } }]);
});

for (const ends of ['is stopped', 'is killed'] as const) {
  t.test(`when the leader ${ends} another one takes up what waits`, async (t) => {
    const cluster = await setUpCluster(t);
    const [leader, other] = [await cluster.start('a'), await cluster.start('b')];
    const [queued] = await leader.create({ enqueue: true });
    const id = queued && 'done' in queued ? queued.done.id : '';
    if (ends === 'is stopped') await leader.stop();
    else leader.kill();
    await cluster.pass(2_000);
    await until('it leads', () => other.said.includes(LEADS));
    await other.greet('A');
    t.same(cluster.types('session', id), ['session.requested', 'session.queued', 'session.placed']);
  });
}

t.test('servers of a broker that is gone are lost unless they connect to another one', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other] = [await cluster.start('a'), await cluster.start('b')];
  await other.greet('A');
  await other.greet('B');
  other.kill();
  await cluster.pass(3_000);
  t.same(cluster.types('broker', 'b'), ['broker.joined', 'broker.left']);
  t.equal(leader.core.directory.find(other.id), undefined);
  await leader.greet('A');
  await cluster.pass(11_000);
  t.same(cluster.types('server', 'A').slice(-1), ['server.became-reachable']);
  t.same(cluster.types('server', 'B').slice(-1), ['server.became-unreachable']);
});

t.test('a broker that returns in time looks after its servers itself', async (t) => {
  const cluster = await setUpCluster(t);
  const [, other] = [await cluster.start('a'), await cluster.start('b')];
  await other.greet('A');
  other.kill();
  await cluster.pass(3_000);
  const again = await cluster.start('b');
  await again.greet('A');
  await cluster.pass(30_000);
  t.same(cluster.types('server', 'A'), ['server.registered', 'server.described']);
});

t.test('a leader that begins when a broker left before looks for the servers of that one', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other, third] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')];
  await third.greet('A');
  leader.kill();
  third.kill();
  await cluster.pass(2_000);
  await until('it leads', () => other.said.includes(LEADS));
  await cluster.pass(15_000);
  t.same(cluster.types('server', 'A').slice(-1), ['server.became-unreachable']);
});

t.test('the broker that an agent left does not call its server lost', async (t) => {
  const cluster = await setUpCluster(t);
  const [one, other] = [await cluster.start('a'), await cluster.start('b')];
  await one.greet('A');
  await other.greet('A');
  one.core.reception.lost(serverId('A'), 'The agent closed the connection');
  await cluster.settle();
  t.same(cluster.types('server', 'A').slice(-1), ['server.became-reachable']);
});

t.test('a broker that lost its locks without noticing does no harm, and takes its own again', async (t) => {
  const cluster = await setUpCluster(t);
  const [one, other] = [await cluster.start('a'), await cluster.start('b')];
  await one.greet('A', {});
  one.seizeLocks(20_000);
  await cluster.pass(2_000);
  await until('it leads', () => other.said.includes(LEADS));
  const results = await Promise.all([one.create(), other.create()]);
  await cluster.settle();
  t.match(results, [[{ done: {} }], [{ done: {} }]]);
  t.equal(one.orders.filter(({ order }) => order.kind === 'create-session').length, 2);
  await cluster.pass(5_000);
  t.same(cluster.types('broker', 'a'), ['broker.joined', 'broker.left', 'broker.joined'], 'it was called gone, and came back');
  await cluster.pass(20_000);
  t.ok(one.said.includes('warn: This broker does not lead any more.'));
  t.equal(await cluster.newLocks(brokerId('nobody')).take('broker-a'), undefined);
});

t.test('the work of a leader that falls silent is taken up within ten seconds', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other, third] = [await cluster.start('a'), await cluster.start('b'), await cluster.start('c')];
  await other.greet('A');
  await cluster.pass(5_000);
  leader.fallSilent();
  const creating = third.create();
  await cluster.pass(7_000);
  const both = () => [...other.said, ...third.said];
  await until('one of them leads', () => both().includes(LEADS));
  await cluster.pass(1_000);
  t.match(await creating, [{ done: { state: 'CREATING' } }]);
  t.equal(other.orders.filter(({ order }) => order.kind === 'create-session').length, 1);
  t.same(
    both().filter((line) => line.startsWith('broke')),
    ['broke leader of a', 'broke broker-a of a'],
  );
  t.same(cluster.types('broker', 'a'), ['broker.joined', 'broker.left']);
});

t.test('a broker that others cannot hear is called gone once, says that it is not, and keeps its servers', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other] = [await cluster.start('a'), await cluster.start('b')];
  await other.greet('A');
  await cluster.pass(5_000);
  cluster.hears = (broker) => broker !== other.id;
  await cluster.pass(300_000);
  t.same(cluster.types('broker', 'b'), ['broker.joined', 'broker.left', 'broker.joined']);
  t.same(cluster.types('server', 'A'), ['server.registered', 'server.described']);
  t.same(
    leader.said.filter((line) => line.startsWith('broke')),
    ['broke broker-b of b'],
  );
  t.ok(leader.core.directory.find(other.id));
});

t.test('between brokers that cannot hear each other the lead changes once', async (t) => {
  const cluster = await setUpCluster(t);
  const [leader, other] = [await cluster.start('a'), await cluster.start('b')];
  await leader.greet('A');
  await cluster.pass(5_000);
  cluster.hears = () => false;
  await cluster.pass(7_000);
  await until('it leads', () => other.said.includes(LEADS));
  await cluster.pass(600_000);
  t.same(
    [...leader.said, ...other.said].filter((line) => line.startsWith('broke leader')),
    ['broke leader of a'],
  );
  t.same(cluster.types('server', 'A'), ['server.registered', 'server.described'], 'nobody calls its server lost');
  t.match(await leader.create(), [{ done: { state: 'CREATING' } }]);
});

t.test('a placement that another leader began anew is void', async (t) => {
  const cluster = await setUpCluster(t);
  const leader = await cluster.start('a');
  const other = await cluster.start('b');
  await leader.greet('A');
  const id = await strandedSlot(cluster, leader);
  leader.kill();
  await cluster.pass(2_000);
  await until('it leads', () => other.said.includes(LEADS));
  t.match(cluster.types('session', id), ['session.requested', 'session.placement-restarted', 'session.placed']);
  t.same(cluster.types('server', 'A').slice(2), ['server.slot-reserved', 'server.slot-released', 'server.slot-reserved']);
});

t.test('a slot that a leader reserved late, and did not live to give back, is free again after a while', async (t) => {
  const cluster = await setUpCluster(t);
  const [former, leader] = [await cluster.start('a'), await cluster.start('b')];
  await leader.greet('A');
  await leader.greet('B');
  former.seizeLocks(20_000);
  await cluster.pass(2_000);
  await until('the other one leads', () => leader.said.includes(LEADS));
  cluster.onAppend = (_, types, broker) => broker !== 'a' || types[0] !== 'session.placed';
  for (let session = 0; session < 8; session += 1) await leader.create();
  await pause(100);
  former.kill();
  await cluster.settle();
  const [reserved, released] = ['server.slot-reserved', 'server.slot-released'].map(
    (wanted) => () => ['A', 'B'].flatMap((server) => cluster.types('server', server)).filter((type) => type === wanted).length,
  ) as [() => number, () => number];
  const before = reserved() - released();
  t.ok(before > 8, `${before} slots are taken for eight sessions`);
  await cluster.pass(59_000);
  t.equal(reserved() - released(), before);
  await cluster.pass(65_000);
  t.equal(reserved() - released(), 8);
});

t.test('a former leader that comes to know late that its placement is void leaves the slot to whom it belongs', async (t) => {
  const cluster = await setUpCluster(t);
  const [former, leader] = [await cluster.start('a'), await cluster.start('b')];
  await leader.greet('A');
  let goOn = (): void => undefined;
  const stopped = new Promise<boolean>((resolve) => {
    goOn = () => resolve(true);
  });
  cluster.onAppend = (_, types, broker) => broker !== 'a' || types[0] !== 'session.placed' || stopped;
  const creating = leader.create();
  await until('it has reserved a slot', () => cluster.types('server', 'A').includes('server.slot-reserved'));
  former.seizeLocks(600_000);
  await cluster.clock.advance(2_000);
  await until('the other one leads', () => leader.said.includes(LEADS));
  t.match(await creating, [{ done: { state: 'CREATING' } }]);
  goOn();
  await cluster.pass(200_000);
  t.same(cluster.types('server', 'A').slice(2), ['server.slot-reserved', 'server.slot-released', 'server.slot-reserved']);
});

t.test('a session that ends while another broker begins to lead gives its slot back', async (t) => {
  const cluster = await setUpCluster(t);
  const leader = await cluster.start('a');
  const other = await cluster.start('b');
  await other.greet('A');
  const [ending] = await other.create();
  await cluster.settle();
  const sessionId = ending && 'done' in ending ? ending.done.id : '';
  await strandedSlot(cluster, leader);
  cluster.onAppend = async (_, types) => {
    if (types.includes('session.placement-restarted')) {
      await other.core.application.deleteSessions([{ sessionId, owner: 'ann', force: true }], ORIGIN);
      await pause(100);
    }
    return true;
  };
  leader.kill();
  await cluster.pass(2_000);
  await until('it leads', () => other.said.includes(LEADS));
  await cluster.settle();
  t.equal(cluster.types('session', sessionId).at(-1), 'session.deleted');
  t.equal(cluster.types('server', 'A').filter((type) => type === 'server.slot-released').length, 2);
});

t.test('a broker that goes by the id of another one does not start', async (t) => {
  const cluster = await setUpCluster(t);
  await cluster.start('a');
  const copy = cluster.start('a').then(
    () => 'it started',
    (error: Error) => error.message,
  );
  let ended: string | undefined;
  void copy.then((how) => {
    ended = how;
  });
  while (ended === undefined) {
    await cluster.pass(1_000);
    await pause(1);
  }
  t.match(ended, /Another broker goes by the id a/);
});

t.test('what keeps a broker from leading is told once, and tried again', async (t) => {
  const cluster = await setUpCluster(t);
  const leader = await cluster.start('a');
  let isAway = true;
  const failing = (locks: Locks): Locks => ({
    async take(name) {
      if (isAway && name === 'leader') throw new Error('The log is away.');
      return locks.take(name);
    },
  });
  const locks = cluster.newLocks(brokerId('nobody'));
  const other = await cluster.start('b', { locks: failing(locks) }).catch(() => undefined);
  t.equal(other, undefined, 'not at the start: an operator looks at it');
  isAway = false;
  const third = await cluster.start('c', { locks: failing(cluster.newLocks(brokerId('nobody'))) });
  isAway = true;
  await leader.stop();
  await cluster.pass(5_000);
  isAway = false;
  await cluster.pass(2_000);
  await until('it leads', () => third.said.includes(LEADS));
  t.same(third.said.slice(-2), ['error: Trying again until it is done: beginning to lead.', LEADS]);
  t.equal(third.said.filter((line) => line.startsWith('error')).length, 1);
});

t.test('a broker that cannot say that it is back says so to its operator, and goes on trying', async (t) => {
  const cluster = await setUpCluster(t);
  await cluster.start('a');
  const own = cluster.newLocks(brokerId('nobody'));
  let isAway = false;
  const locks: Locks = { take: (name) => (isAway ? Promise.reject(new Error('The log is away.')) : own.take(name)) };
  const other = await cluster.start('b', { locks });
  isAway = true;
  own.seize(0);
  await cluster.pass(5_000);
  const complaint = 'error: This broker cannot say that it is there; trying again.';
  t.same(
    other.said.filter((line) => line === complaint),
    [complaint],
    'once',
  );
  isAway = false;
  await cluster.pass(2_000);
  t.same(cluster.types('broker', 'b').slice(-1), ['broker.joined']);
  await other.stop();
  t.same(cluster.types('broker', 'b').slice(-1), ['broker.left']);
});

type Cluster = Awaited<ReturnType<typeof setUpCluster>>;

/** A session whose slot is reserved, and that its leader does not live to place. */
async function strandedSlot(cluster: Cluster, leader: Awaited<ReturnType<Cluster['start']>>): Promise<string> {
  const seen = new Promise<string>((resolve) => {
    cluster.onAppend = (stream, types) => {
      if (types[0] !== 'session.placed') return true;
      resolve(stream.slice('session-'.length));
      return false;
    };
  });
  void leader.core.application.createSessions([{ name: 'x', owner: 'ann', sessionType: 'VIRTUAL', enqueue: false, retry: true }], ORIGIN);
  const id = await seen;
  cluster.onAppend = () => true;
  return id;
}

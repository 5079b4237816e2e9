import fc from 'fast-check';
import t from 'tap';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { candidates, MAX_CANDIDATES } from '../../../domain/placement/candidates.ts';
import { noServerReason } from '../../../domain/placement/no-server.ts';
import type { CandidateWish } from '../../../domain/placement/objection.ts';
import { meets } from '../../../domain/placement/predicate.ts';
import { compileRequirement } from '../../../domain/placement/requirements.ts';
import { canTake, freeSlots } from '../../../domain/server/capacity.ts';
import { createTestFleet, type TestFleet } from '../../helpers/fleet.ts';
import { SEED } from '../../helpers/seed.ts';
import { createSeededRandom } from '../../helpers/simulated-clock.ts';

const WINDOWS = { os: { family: 'windows', name: 'Windows Server', version: '2022' }, maxVirtualSessions: 0 } as const;
const random = createSeededRandom(1);

function wish(text = '', changes: Partial<CandidateWish> = {}): CandidateWish {
  const compiled = compileRequirement(text);
  if ('error' in compiled) throw new Error(compiled.error.message);
  return { sessionType: 'VIRTUAL', owner: 'ann', requirement: compiled.requirement, ...changes };
}

const CONSOLE = { sessionType: 'CONSOLE' } as const;

function load(test: TestFleet, id: string, oneMinute: number, memoryUsedBytes = 0): void {
  test.fleet.telemetry(serverId(id), { memoryUsedBytes, swapUsedBytes: 0, cpuLoadAverage: [oneMinute, 0, 0] });
}

t.test('an empty fleet has no candidates', async (t) => {
  const found = candidates(createTestFleet().fleet, wish(), random);
  t.same(found, { policy: 'least-loaded', ordered: [], considered: 0, turnedDown: {} });
  t.equal(noServerReason(found), 'No DCV server found for the given criteria; there is no server yet.');
});

t.test('for a virtual session, most free slots come first', async (t) => {
  const test = createTestFleet();
  test.add('two', { maxVirtualSessions: 2 });
  test.add('unlimited', { maxVirtualSessions: -1 });
  test.add('five', { maxVirtualSessions: 5 });
  test.add('seven less four', { maxVirtualSessions: 7 });
  for (const session of ['s1', 's2', 's3', 's4']) test.reserve('seven less four', session);
  t.same(candidates(test.fleet, wish(), random).ordered, ['unlimited', 'five', 'seven less four', 'two']);
});

t.test('among servers without a limit, fewest sessions come first, those asked for included', async (t) => {
  const test = createTestFleet();
  for (const id of ['one', 'none', 'two']) test.add(id);
  test.reserve('one', 's1');
  test.fleet.noteReservation(serverId('two'), sessionId('s2'), wish());
  test.fleet.noteReservation(serverId('two'), sessionId('s3'), wish());
  t.same(candidates(test.fleet, wish(), random).ordered, ['none', 'one', 'two']);
});

t.test('among equally free servers, least CPU load per CPU comes first, then least used memory, then the silent ones', async (t) => {
  const test = createTestFleet();
  const cpu = { vendor: 'v', modelName: 'm', architecture: 'x86_64', physicalCoresPerCpu: 1 };
  for (const id of ['silent', 'big', 'small', 'full memory']) {
    test.add(id, { cpu: { ...cpu, numberOfCpus: id === 'big' ? 64 : 8 }, memoryTotalBytes: 100 });
  }
  load(test, 'big', 16);
  load(test, 'small', 4, 10);
  load(test, 'full memory', 4, 90);
  t.same(candidates(test.fleet, wish(), random).ordered, ['big', 'small', 'full memory', 'silent']);
});

t.test('a server that reports no CPU and no memory comes after those that do', async (t) => {
  const test = createTestFleet();
  test.add('odd', { memoryTotalBytes: 0, cpu: { vendor: '', modelName: '', architecture: '', numberOfCpus: 0, physicalCoresPerCpu: 0 } });
  test.add('plain');
  for (const id of ['odd', 'plain']) load(test, id, 50);
  t.same(candidates(test.fleet, wish(), random).ordered, ['plain', 'odd']);
});

t.test('a console session goes where it takes the fewest slots away', async (t) => {
  const test = createTestFleet();
  test.add('unlimited');
  test.add('ten', { maxVirtualSessions: 10 });
  test.add('idle windows', WINDOWS);
  test.add('busy windows', WINDOWS);
  load(test, 'idle windows', 0);
  load(test, 'busy windows', 8);
  t.same(candidates(test.fleet, wish('', CONSOLE), random).ordered, ['idle windows', 'busy windows', 'ten', 'unlimited']);
});

t.test('at most 16 are proposed, and they are the best', async (t) => {
  const test = createTestFleet();
  const places = Array.from({ length: 60 }, (_, number) => ((number * 37) % 60) + 1);
  for (const place of places) test.add(`host-${place}`, { maxVirtualSessions: place });
  const { ordered, considered, turnedDown } = candidates(test.fleet, wish(), random);
  t.same(
    ordered,
    Array.from({ length: MAX_CANDIDATES }, (_, rank) => `host-${60 - rank}`),
  );
  t.equal(considered, 60);
  t.same(turnedDown, {});
});

t.test('why nobody takes a session is counted and said in one sentence', async (t) => {
  const test = createTestFleet();
  for (const id of ['full', 'other', 'closed', 'away', 'sick', 'limit', 'tried']) {
    test.add(id, {
      maxVirtualSessions: 1,
      maxSessionsPerOwner: id === 'limit' ? 0 : 5,
      tags: [{ key: 'team', value: id === 'other' ? 'x' : 'art' }],
    });
  }
  test.add('windows', { ...WINDOWS, tags: [{ key: 'team', value: 'art' }] });
  test.reserve('full', 's1', 'VIRTUAL', 'bob');
  test.tell('closed', { type: 'server.closed', data: { force: false } });
  test.tell('away', { type: 'server.became-unreachable', data: { reason: 'silence' } });
  test.tell('sick', { type: 'server.health-changed', data: { healthy: false } });
  const found = candidates(test.fleet, wish("tag:team = 'art'", { except: [serverId('tried')] }), random);
  t.same(found, {
    policy: 'least-loaded',
    ordered: [],
    considered: 8,
    turnedDown: {
      REQUIREMENTS_NOT_MET: 1,
      SESSION_TYPE_NOT_SUPPORTED: 1,
      SERVER_CLOSED: 1,
      UNREACHABLE_AGENT: 1,
      UNHEALTHY_DCV_SERVER: 1,
      SERVER_FULL: 1,
      OWNER_LIMIT_REACHED: 1,
      ALREADY_TRIED: 1,
    },
  });
  t.equal(
    noServerReason(found),
    'No DCV server found for the given criteria; 8 servers considered: 1 not meeting the requirements, 1 not supporting the session type, ' +
      '1 full, 1 closed, 1 unreachable, 1 unhealthy, 1 at the limit of sessions of this owner, 1 where it failed before.',
  );
});

t.test('a console session is told about virtual ones and about users in its way', async (t) => {
  const test = createTestFleet();
  test.add('linux');
  test.reserve('linux', 's1');
  const one = candidates(test.fleet, wish('', CONSOLE), random);
  t.equal(noServerReason(one), 'No DCV server found for the given criteria; 1 server considered: 1 holding virtual sessions.');
  test.add('windows', WINDOWS);
  test.tell('windows', { type: 'server.logged-in-users-changed', data: { users: ['eve'] } });
  const two = candidates(test.fleet, wish('', CONSOLE), random);
  t.match(noServerReason(two), /2 servers considered: 1 holding virtual sessions, 1 with a user logged in\.$/);
  test.add('other windows', WINDOWS);
  test.tell('other windows', { type: 'server.logged-in-users-changed', data: { users: ['eve'] } });
  const three = candidates(test.fleet, wish('', CONSOLE), random);
  t.match(noServerReason(three), /: 2 with a user logged in, 1 holding virtual sessions\.$/, 'what holds for most comes first');
});

t.test('candidates that were all taken before they could be asked are told of', async (t) => {
  const test = createTestFleet();
  for (const id of ['a', 'b']) test.add(id);
  const found = candidates(test.fleet, wish(), random);
  t.equal(noServerReason(found), 'No DCV server found for the given criteria; 2 servers considered: 2 taken by others meanwhile.');
});

t.test('the cap on one owner counts slots that are taken and slots that are asked for', async (t) => {
  const test = createTestFleet();
  test.add('a', { maxSessionsPerOwner: 2 });
  test.reserve('a', 's1');
  test.reserve('a', 's2', 'VIRTUAL', 'bob');
  t.same(candidates(test.fleet, wish(), random).ordered, ['a']);
  test.fleet.noteReservation(serverId('a'), sessionId('s3'), wish());
  test.fleet.noteReservation(serverId('a'), sessionId('s4'), wish('', { owner: 'bob' }));
  t.same(candidates(test.fleet, wish(), random).turnedDown, { OWNER_LIMIT_REACHED: 1 });
});

t.test('a server can be named by its id, among whatever other terms', async (t) => {
  const test = createTestFleet();
  for (const id of ['a', 'b', 'c']) test.add(id, { tags: [{ key: 'team', value: 'art' }] });
  t.same(candidates(test.fleet, wish("server:Id = 'b'"), random).ordered, ['b']);
  t.same(candidates(test.fleet, wish("tag:team = 'art' AND server:Id = 'b'"), random).ordered, ['b']);
  t.same(candidates(test.fleet, wish("server:Id = 'b' AND server:Id = 'c'"), random).turnedDown, { REQUIREMENTS_NOT_MET: 3 });
  t.same(candidates(test.fleet, wish("tag:team = 'x' AND server:Id = 'b'"), random).turnedDown, { REQUIREMENTS_NOT_MET: 3 });
  t.same(candidates(test.fleet, wish("server:Id = 'z'"), random).turnedDown, { REQUIREMENTS_NOT_MET: 3 });
  t.same(new Set(candidates(test.fleet, wish("server:Id = 'a' OR server:Id = 'c'"), random).ordered), new Set(['a', 'c']));
  t.same(new Set(candidates(test.fleet, wish("NOT server:Id = 'b'"), random).ordered), new Set(['a', 'c']));
  test.tell('b', { type: 'server.closed', data: { force: false } });
  t.same(candidates(test.fleet, wish("server:Id = 'b'"), random).turnedDown, { REQUIREMENTS_NOT_MET: 2, SERVER_CLOSED: 1 });
});

t.test('equals have the same chance to come first', async (t) => {
  const test = createTestFleet();
  const names = Array.from({ length: 40 }, (_, number) => `host-${number}`);
  for (const name of names) test.add(name);
  const fair = createSeededRandom(7);
  const firsts = new Map<string, number>(names.map((name) => [name, 0]));
  const rounds = 40 * 200;
  for (let round = 0; round < rounds; round += 1) {
    const [first] = candidates(test.fleet, wish(), fair).ordered;
    firsts.set(String(first), (firsts.get(String(first)) ?? 0) + 1);
  }
  t.equal(firsts.size, 40);
  const chiSquared = [...firsts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  t.ok(chiSquared < 80, `39 degrees of freedom, chi squared ${chiSquared.toFixed(1)} (exceeds 72 once in a thousand times)`);
});

t.test('the same seed makes the same choice', async (t) => {
  const test = createTestFleet();
  for (let number = 0; number < 40; number += 1) test.add(`host-${number}`);
  const choose = (seed: number) => candidates(test.fleet, wish(), createSeededRandom(seed)).ordered;
  t.same(choose(3), choose(3));
  t.not(choose(3).join(), choose(4).join());
});

t.test('sessions spread evenly over equal servers', async (t) => {
  const test = createTestFleet();
  for (let number = 0; number < 10; number += 1) test.add(`host-${number}`, { maxVirtualSessions: 20 });
  for (let session = 0; session < 100; session += 1) {
    const [best] = candidates(test.fleet, wish(), random).ordered;
    test.reserve(String(best), `s${session}`);
  }
  t.same(
    [...test.fleet.values()].map(({ virtual }) => virtual),
    Array(10).fill(10),
  );
});

t.test('where sessions are packed, a server is filled before the next', async (t) => {
  const test = createTestFleet();
  const pack = (changes?: Partial<CandidateWish>) => candidates(test.fleet, wish('', changes), random, 'pack').ordered;
  test.add('four', { maxVirtualSessions: 4 });
  test.add('unlimited');
  test.add('two', { maxVirtualSessions: 2 });
  test.add('nine', { maxVirtualSessions: 9 });
  t.same(pack(), ['two', 'four', 'nine', 'unlimited'], 'of empty servers, the smallest');
  for (const session of ['s1', 's2', 's3']) test.reserve('nine', session);
  t.same(pack(), ['nine', 'two', 'four', 'unlimited'], 'a server in use comes before an empty one');
  test.reserve('four', 's4');
  test.reserve('unlimited', 's5');
  t.same(pack(), ['four', 'nine', 'unlimited', 'two'], 'of those in use, the one with fewest free slots');
  test.add('busier', { maxVirtualSessions: 6 });
  for (const session of ['s6', 's7', 's8']) test.reserve('busier', session);
  test.reserve('busier', 's9');
  for (const session of ['s10', 's11', 's12', 's13']) test.reserve('nine', session);
  t.same(pack().slice(0, 3), ['nine', 'busier', 'four'], 'of those equally free, the one with most sessions');
  t.same(pack(CONSOLE), ['two'], 'a console session needs an empty server');
});

t.test(
  'where sessions are packed, equals are asked in the same order each time, and a console session leaves the large ones alone',
  async (t) => {
    const test = createTestFleet();
    for (const id of ['a', 'b', 'c']) test.add(id, { maxVirtualSessions: 2 });
    test.add('windows', WINDOWS);
    for (let round = 0; round < 20; round += 1) {
      t.same(candidates(test.fleet, wish(), random, 'pack').ordered, ['a', 'b', 'c']);
      t.same(candidates(test.fleet, wish('', CONSOLE), random, 'pack').ordered, ['windows', 'a', 'b', 'c']);
    }
  },
);

t.test('packed sessions leave as many servers empty as can be', async (t) => {
  const test = createTestFleet();
  for (let number = 0; number < 10; number += 1) test.add(`host-${number}`, { maxVirtualSessions: 20 });
  for (let session = 0; session < 50; session += 1) {
    const [best] = candidates(test.fleet, wish(), random, 'pack').ordered;
    test.reserve(String(best), `s${session}`);
  }
  t.same(
    [...test.fleet.values()].map(({ virtual }) => virtual),
    [20, 20, 10, 0, 0, 0, 0, 0, 0, 0],
  );
});

t.test('servers that are gone are not counted, and those that are new are, whatever was asked before', async (t) => {
  const test = createTestFleet();
  const art = (number: number) => ({ tags: [{ key: 'team', value: number % 2 === 0 ? 'art' : 'science' }] });
  for (let number = 0; number < 4; number += 1) test.add(`host-${number}`, art(number));
  const counted = () => candidates(test.fleet, wish("tag:team = 'art'"), random).turnedDown;
  t.same(counted(), { REQUIREMENTS_NOT_MET: 2 });
  for (const number of [0, 3]) test.tell(`host-${number}`, { type: 'server.removed', data: { reason: 'gone' } });
  t.same(counted(), { REQUIREMENTS_NOT_MET: 1 });
  for (let number = 4; number < 100; number += 1) test.add(`host-${number}`, art(number));
  t.same(counted(), { REQUIREMENTS_NOT_MET: 49 });
});

t.test(
  'a requirement that is new to a large fleet is counted little by little, never too high, and at once where nobody meets it',
  async (t) => {
    const test = createTestFleet();
    for (let number = 0; number < 2_500; number += 1) test.add(`host-${number}`, { tags: [{ key: 'n', value: String(number) }] });
    for (const number of [100, 2_400]) test.tell(`host-${number}`, { type: 'server.closed', data: { force: false } });
    const counts = [1, 2, 3, 4].map(() => candidates(test.fleet, wish('tag:n < 500'), random).turnedDown);
    t.ok(Number(counts[0]?.REQUIREMENTS_NOT_MET) < 2_000);
    t.same(counts.at(-1), { REQUIREMENTS_NOT_MET: 2_000, SERVER_CLOSED: 1 });
    t.same(candidates(test.fleet, wish('tag:n > 5000'), random).turnedDown, { REQUIREMENTS_NOT_MET: 2_500 });
  },
);

t.test('candidates are exactly those that could take the session, whatever the fleet', async (t) => {
  const hosts = fc.array(
    fc.record({
      windows: fc.boolean(),
      most: fc.integer({ min: -1, max: 3 }),
      cap: fc.integer({ min: -1, max: 2 }),
      team: fc.constantFrom('art', 'science'),
      taken: fc.array(fc.constantFrom('ann', 'bob'), { maxLength: 3 }),
      console: fc.boolean(),
      closed: fc.boolean(),
    }),
    { maxLength: 14 },
  );
  const texts = fc.constantFrom(
    '',
    "tag:team = 'art'",
    "NOT tag:team = 'art' OR server:Host.Os.Family = 'windows'",
    "server:Id = 'host-3'",
  );
  fc.assert(
    fc.property(hosts, texts, fc.constantFrom('CONSOLE' as const, 'VIRTUAL' as const), (fleet, text, sessionType) => {
      const test = createTestFleet();
      fleet.forEach(({ windows, most, cap, team, taken, console, closed }, number) => {
        const id = `host-${number}`;
        const limits = { maxVirtualSessions: most, maxSessionsPerOwner: cap, tags: [{ key: 'team', value: team }] };
        test.add(id, windows ? { ...WINDOWS, ...limits } : limits);
        for (const [slot, owner] of taken.entries()) test.reserve(id, `${id}-${slot}`, console ? 'CONSOLE' : 'VIRTUAL', owner);
        if (closed) test.tell(id, { type: 'server.closed', data: { force: true } });
      });
      const wanted = wish(text, { sessionType });
      const able = [...test.fleet.values()].filter((server) => {
        const slots = [...server.slots].map(([sessionId, slot]) => ({ ...slot, sessionId, attempt: 1 }));
        const { id, description } = server;
        return description !== undefined && meets({ id, description }, wanted.requirement) && canTake({ ...server, slots }, wanted).ok;
      });
      const found = candidates(test.fleet, wanted, random);
      t.same(new Set(found.ordered), new Set(able.map(({ id }) => id)));
      const free = found.ordered.map((id) => able.find((server) => server.id === id)).map((server) => (server ? freeSlots(server) : -1));
      t.same(
        free,
        [...free].sort((a, b) => (a === b ? 0 : sessionType === 'VIRTUAL' ? b - a : a - b)),
      );
      const counted = Object.values(found.turnedDown).reduce((sum, count) => sum + count, 0);
      t.equal(counted + found.ordered.length, fleet.length, 'every server is a candidate or counted, once');
    }),
    { numRuns: 300, seed: SEED },
  );
});

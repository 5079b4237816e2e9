import fc from 'fast-check';
import t from 'tap';
import { type ServerId, serverId, sessionId } from '../../../domain/ids.ts';
import { createFleet, type Fleet } from '../../../domain/placement/fleet.ts';
import { TAKES } from '../../../domain/placement/objection.ts';
import { compileRequirement } from '../../../domain/placement/requirements.ts';
import { occupancy, unavailability } from '../../../domain/server/capacity.ts';
import type { ServerEvent } from '../../../domain/server/events.ts';
import { createFactsOfServers, createTestFleet } from '../../helpers/fleet.ts';
import { description } from '../../helpers/samples.ts';
import { SEED } from '../../helpers/seed.ts';

const A = serverId('a');
const S1 = sessionId('s1');
const WISH = { sessionType: 'VIRTUAL', owner: 'ann' } as const;

/** All that can be seen of a server. */
function look(fleet: Fleet, id: ServerId) {
  const server = fleet.get(id);
  return server === undefined ? undefined : { ...server, slots: [...server.slots], asked: [...server.asked] };
}

function meets(fleet: Fleet, id: ServerId, text: string): boolean {
  const compiled = compileRequirement(text);
  const server = fleet.get(id);
  if ('error' in compiled || server === undefined) throw new Error('no such requirement or server');
  return fleet.matcher(compiled.requirement).meets(server);
}

t.test('a server is what its facts say', async (t) => {
  const { fleet, add, tell } = createTestFleet();
  add('a', { maxVirtualSessions: 3, maxSessionsPerOwner: 2 });
  t.match(fleet.get(A), { osFamily: 'linux', maxVirtualSessions: 3, maxSessionsPerOwner: 2, open: true, reachable: true, healthy: true });
  t.equal(fleet.size, 1);
  t.same(
    [...fleet.values()].map(({ id }) => id),
    ['a'],
  );

  tell('a', { type: 'server.closed', data: { force: false } });
  t.match(fleet.get(A), { open: false });
  tell('a', { type: 'server.opened', data: {} });
  t.match(fleet.get(A), { open: true });
  tell('a', { type: 'server.became-unreachable', data: { reason: 'silence' } });
  t.match(fleet.get(A), { reachable: false });
  tell('a', { type: 'server.became-reachable', data: { broker: null } });
  t.match(fleet.get(A), { reachable: true });
  tell('a', { type: 'server.health-changed', data: { healthy: false } });
  t.match(fleet.get(A), { healthy: false });
  tell('a', { type: 'server.logged-in-users-changed', data: { users: ['eve'] } });
  t.same(fleet.get(A)?.loggedInUsers, ['eve']);
});

t.test('slots are counted by type', async (t) => {
  const { fleet, add, tell, reserve } = createTestFleet();
  add('a');
  reserve('a', 's1');
  reserve('a', 's2');
  reserve('a', 's3', 'CONSOLE');
  t.match(fleet.get(A), { console: 1, virtual: 2 });
  for (const session of ['s1', 's1', 's3']) tell('a', { type: 'server.slot-released', data: { sessionId: sessionId(session) } });
  t.match(fleet.get(A), { console: 0, virtual: 1 });
});

t.test('a slot that is asked for counts until its fact comes, and then once', async (t) => {
  const { fleet, add, tell, reserve } = createTestFleet();
  add('a');
  fleet.noteReservation(A, S1, WISH);
  fleet.noteReservation(A, S1, WISH);
  t.equal(fleet.get(A)?.virtual, 1);
  t.equal(fleet.get(A)?.asked.size, 1);
  reserve('a', 's1');
  t.equal(fleet.get(A)?.virtual, 1);
  t.equal(fleet.get(A)?.asked.size, 0);
  fleet.noteReservation(A, S1, WISH);
  fleet.withdraw(A, S1);
  t.equal(fleet.get(A)?.virtual, 1, 'what a fact has confirmed stays');
  tell('a', { type: 'server.slot-released', data: { sessionId: S1 } });
  t.equal(fleet.get(A)?.virtual, 0);
});

t.test('a slot that was refused is given back', async (t) => {
  const { fleet, add } = createTestFleet();
  add('a');
  add('b');
  fleet.noteReservation(A, S1, WISH);
  fleet.noteReservation(A, sessionId('s2'), { sessionType: 'CONSOLE', owner: 'bob' });
  t.match(fleet.get(A), { console: 1, virtual: 1 });
  t.equal(fleet.get(serverId('b'))?.virtual, 0);
  fleet.withdraw(A, S1);
  fleet.withdraw(A, S1);
  t.match(fleet.get(A), { console: 1, virtual: 0 });
});

t.test('what concerns an unknown server changes nothing, or gives it a place when it is a fact', async (t) => {
  const { fleet, reserve } = createTestFleet();
  fleet.noteReservation(A, S1, WISH);
  fleet.withdraw(A, S1);
  fleet.telemetry(A, { memoryUsedBytes: 1, swapUsedBytes: 0, cpuLoadAverage: [0, 0, 0] });
  t.equal(fleet.get(A), undefined);
  reserve('a', 's1');
  const server = fleet.get(A);
  t.match(server, { id: 'a', virtual: 1, osFamily: '' });
  t.equal(server && unavailability(server), 'UNREACHABLE_AGENT');
  t.equal(meets(fleet, A, ''), false, 'it meets no requirement, not even the empty one');
  t.equal(meets(fleet, A, "NOT tag:a = 'b'"), false);
});

t.test('a removed server is gone, and comes back as it was', async (t) => {
  const { fleet, add, tell, reserve } = createTestFleet();
  add('a', { tags: [{ key: 'team', value: 'art' }] });
  reserve('a', 's1');
  fleet.noteReservation(A, sessionId('s2'), WISH);
  fleet.telemetry(A, { memoryUsedBytes: 1, swapUsedBytes: 0, cpuLoadAverage: [0, 0, 0] });
  tell('a', { type: 'server.closed', data: { force: true } });
  const last = tell('a', { type: 'server.removed', data: { reason: 'unreachable' } });
  t.equal(fleet.get(A), undefined);
  t.equal(fleet.size, 0);
  fleet.apply(last);
  t.equal(fleet.size, 0, 'the same fact again changes nothing');
  tell('a', { type: 'server.registered', data: { agentClientId: 'agent', broker: null } });
  t.match(fleet.get(A), { open: false, reachable: true, console: 0, virtual: 0, osFamily: 'linux', telemetry: undefined });
  t.equal(meets(fleet, A, "tag:team = 'art'"), true);
});

t.test('the number of a removed server is used again, without what was remembered of it', async (t) => {
  const { fleet, add, tell } = createTestFleet();
  add('a', { tags: [{ key: 'team', value: 'art' }] });
  add('b');
  const number = fleet.get(A)?.number;
  t.equal(meets(fleet, A, "tag:team = 'art'"), true);
  tell('a', { type: 'server.removed', data: { reason: 'gone' } });
  add('c', { tags: [{ key: 'team', value: 'science' }] });
  t.equal(fleet.get(serverId('c'))?.number, number);
  t.equal(meets(fleet, serverId('c'), "tag:team = 'art'"), false);
  add('d');
  t.equal(new Set([...fleet.values()].map((server) => server.number)).size, 3);
});

t.test('an answer is remembered until the server describes itself anew', async (t) => {
  const { fleet, add, tell } = createTestFleet();
  add('a', { tags: [{ key: 'team', value: 'art' }] });
  t.equal(meets(fleet, A, "tag:team = 'art'"), true);
  t.equal(meets(fleet, A, "tag:team = 'art'"), true);
  tell('a', { type: 'server.described', data: description({ tags: [{ key: 'team', value: 'science' }] }) });
  t.equal(meets(fleet, A, "tag:team = 'art'"), false);
  for (let other = 0; other < 100; other += 1) t.equal(meets(fleet, A, `tag:team = ${other}`), false);
  t.equal(meets(fleet, A, "tag:team = 'science'"), true);
});

t.test('an answer about telemetry is not remembered', async (t) => {
  const { fleet, add } = createTestFleet();
  add('a', { tags: [{ key: 'team', value: 'art' }] });
  const text = "tag:team = 'art' AND server:Host.Memory.UsedBytes < 5";
  t.equal(meets(fleet, A, text), false);
  fleet.telemetry(A, { memoryUsedBytes: 1, swapUsedBytes: 0, cpuLoadAverage: [0, 0, 0] });
  t.equal(meets(fleet, A, text), true);
  fleet.telemetry(A, { memoryUsedBytes: 9, swapUsedBytes: 0, cpuLoadAverage: [0, 0, 0] });
  t.equal(meets(fleet, A, text), false);
});

t.test('a fleet grows beyond its first size', async (t) => {
  const { fleet, add } = createTestFleet();
  for (let number = 0; number < 2_500; number += 1) add(`host-${number}`, { tags: [{ key: 'n', value: String(number) }] });
  t.equal(fleet.size, 2_500);
  for (const number of [0, 1_023, 1_024, 2_047, 2_048, 2_499]) {
    t.equal(meets(fleet, serverId(`host-${number}`), 'tag:n >= 1024'), number >= 1_024);
    const at = fleet.get(serverId(`host-${number}`))?.number ?? -1;
    t.equal(fleet.columns.servers[at]?.id, `host-${number}`);
    t.equal(fleet.columns.verdicts.VIRTUAL[at], TAKES);
  }
  add('host-0', { tags: [{ key: 'n', value: '5000' }] });
  t.equal(meets(fleet, serverId('host-0'), 'tag:n >= 1024'), true);
});

t.test('equal parts of descriptions are kept once', async (t) => {
  const { fleet, add } = createTestFleet();
  const own = (value: string) =>
    JSON.parse(
      JSON.stringify(
        description({
          tags: [
            { key: 'name', value },
            { key: 'team', value: 'art' },
          ],
        }),
      ),
    );
  const [a, b, c] = [add('a', own('x')), add('b', own('x')), add('c', own('y'))].map((id) => fleet.get(id)?.description);
  t.same(a, own('x'));
  t.same(c, own('y'));
  t.equal(a?.os, b?.os);
  t.equal(a?.tags, b?.tags);
  t.not(a?.tags, c?.tags);
  t.equal(a?.tags[1], c?.tags[1]);
});

t.test('rows stand for the facts that led to them', async (t) => {
  const { fleet, add, tell, reserve } = createTestFleet();
  add('a', { tags: [{ key: 'team', value: 'art' }] });
  reserve('a', 's1');
  const late = reserve('a', 's2', 'CONSOLE', 'bob');
  tell('b', { type: 'server.registered', data: { agentClientId: 'agent', broker: null } });
  const slots = [{ sessionId: S1, ...WISH }, { sessionId: sessionId('s2'), sessionType: 'CONSOLE', owner: 'bob' } as const];
  const state = { broker: null, open: true, reachable: true, healthy: true, loggedInUsers: [] };
  const rows = [
    { id: A, revision: 3, description: description({ tags: [{ key: 'team', value: 'art' }] }), ...state, slots },
    { id: serverId('b'), revision: 0, ...state, slots: [] },
    { id: serverId('c'), revision: 9, description: description(), ...state, open: false, slots: [], removed: true },
  ];
  const loaded = createFleet();
  loaded.load(rows);
  t.same(look(loaded, A), look(fleet, A));
  t.same(look(loaded, serverId('b')), look(fleet, serverId('b')));
  t.equal(loaded.size, 2);
  loaded.apply(late);
  loaded.load([{ ...rows[0], id: A, revision: 2, ...state, slots: [] }]);
  t.same(look(loaded, A), look(fleet, A), 'older facts and older rows change nothing');
  const facts = createFactsOfServers();
  const registered = facts.of('c', { type: 'server.registered', data: { agentClientId: 'agent', broker: null } });
  loaded.apply({ ...registered, revision: 10 });
  t.match(loaded.get(serverId('c')), { open: false, osFamily: 'linux' });
});

const events: fc.Arbitrary<ServerEvent> = fc.oneof(
  fc.constant<ServerEvent>({ type: 'server.registered', data: { agentClientId: 'agent', broker: null } }),
  fc
    .integer({ min: -1, max: 2 })
    .map((maxVirtualSessions): ServerEvent => ({ type: 'server.described', data: description({ maxVirtualSessions }) })),
  fc.constantFrom<ServerEvent>(
    { type: 'server.opened', data: {} },
    { type: 'server.closed', data: { force: true } },
    { type: 'server.became-reachable', data: { broker: null } },
    { type: 'server.became-unreachable', data: { reason: 'silence' } },
    { type: 'server.health-changed', data: { healthy: false } },
    { type: 'server.logged-in-users-changed', data: { users: ['eve'] } },
    { type: 'server.removed', data: { reason: 'gone' } },
  ),
  fc
    .record({ session: fc.constantFrom('s1', 's2', '__proto__'), sessionType: fc.constantFrom('CONSOLE' as const, 'VIRTUAL' as const) })
    .map(
      ({ session, sessionType }): ServerEvent => ({
        type: 'server.slot-reserved',
        data: { sessionId: sessionId(session), sessionType, owner: 'ann', attempt: 1 },
      }),
    ),
  fc
    .constantFrom('s1', 's2', '__proto__')
    .map((session): ServerEvent => ({ type: 'server.slot-released', data: { sessionId: sessionId(session) } })),
);

t.test('whatever the facts, folding them twice is folding them once, and counts agree with slots', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), events), { maxLength: 40 }), fc.nat(), (stories, cut) => {
      const facts = createFactsOfServers();
      const recorded = stories.map(([id, event]) => facts.of(id, event));
      const [once, twice] = [createFleet(), createFleet()];
      for (const fact of recorded) once.apply(fact);
      const half = recorded.slice(0, cut % (recorded.length + 1));
      for (const fact of [...half, ...half, ...recorded, ...recorded]) twice.apply(fact);
      for (const id of [A, serverId('b')]) {
        t.same({ ...look(twice, id), number: 0 }, { ...look(once, id), number: 0 });
        const server = once.get(id);
        if (server === undefined) continue;
        t.match(server, occupancy([...server.slots].map(([sessionId, slot]) => ({ ...slot, sessionId, attempt: 1 }))));
      }
    }),
    { numRuns: 300, seed: SEED },
  );
});

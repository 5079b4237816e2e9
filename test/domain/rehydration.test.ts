/** Actors with long streams: they come back from a state that was kept, which is the state that their streams lead to. */
import { deepStrictEqual } from 'node:assert';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { AnyStateMachine } from 'xstate';
import { createMemoryStore, type MemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openSnapshots } from '../../adapters/sqlite/snapshots.ts';
import { createActors } from '../../domain/actors.ts';
import type { Statement } from '../../domain/facts.ts';
import { createFolding } from '../../domain/folding.ts';
import { serverId, sessionId, streamName } from '../../domain/ids.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { Snapshots } from '../../domain/ports/snapshots.ts';
import { requestMachine } from '../../domain/request/machine.ts';
import { serverMachine } from '../../domain/server/machine.ts';
import { sessionKind } from '../../domain/session/actor.ts';
import { sessionMachine } from '../../domain/session/machine.ts';
import { SILENT } from '../helpers/core.ts';
import { temporaryFolder } from '../helpers/read-model.ts';
import { description, ORIGIN, wish } from '../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock } from '../helpers/simulated-clock.ts';

const SERVER = serverId('host');
const STREAM = streamName('session', 'one');

/** Sessions as one broker has them, and how many facts of streams it has read. */
function brokerOn(store: MemoryStore, snapshots?: Snapshots) {
  const log = openMemoryEventLog(store);
  const read = { facts: 0 };
  const counting: EventLog = {
    ...log,
    async readStream(...range) {
      const facts = await log.readStream(...range);
      read.facts += facts.length;
      return facts;
    },
  };
  const random = createSeededRandom(store.facts.length);
  return { sessions: createActors(sessionKind, { log: counting, clock: createSimulatedClock(), random, snapshots }), read };
}

/** A session with `facts` facts. */
async function liveLong(store: MemoryStore, facts: number, snapshots?: Snapshots): Promise<void> {
  const { sessions } = brokerOn(store, snapshots);
  await sessions.create('one', { type: 'request', spec: wish() }, ORIGIN);
  await sessions.execute('one', { type: 'place', serverId: SERVER, attempt: 1 }, ORIGIN);
  await sessions.execute('one', { type: 'report-started', serverId: SERVER, attempt: 1 }, ORIGIN);
  const report = (count: number) => sessions.execute('one', { type: 'report-connections', serverId: SERVER, count }, ORIGIN);
  for (let count = 1; count <= facts - 3; count += 1000) {
    await Promise.all(Array.from({ length: Math.min(1000, facts - 2 - count) }, (_, index) => report(count + index)));
  }
}

async function open(t: Test, file: string, version = 'this one') {
  const snapshots = await openSnapshots(file, { version, logger: SILENT });
  t.teardown(snapshots.close);
  return snapshots;
}

const fileOf = (t: Test): string => join(temporaryFolder(t), 'snapshots.sqlite');

t.test('an actor with a long stream comes back from a state that was kept, and the rest of its stream', async (t) => {
  const store = createMemoryStore();
  const file = fileOf(t);
  const first = await open(t, file);
  await liveLong(store, 1_900, first);
  await first.close();
  const snapshots = await open(t, file);
  const kept = await snapshots.find(STREAM);
  t.ok(kept && kept.revision >= 1_000 && kept.revision < 1_900, `kept at ${kept?.revision}`);
  t.equal(store.facts.find(({ id }) => id === kept?.factId)?.revision, kept?.revision);

  const { sessions, read } = brokerOn(store, snapshots);
  const whole = brokerOn(store);
  const look = async ({ sessions }: typeof whole) => JSON.parse(JSON.stringify((await sessions.look('one')).context));
  t.strictSame(await look({ sessions, read }), await look(whole));
  t.equal(whole.read.facts, 1_900);
  t.equal(read.facts, 500 + 1 + (1_899 - Number(kept?.revision)), 'the first page, the fact of the state, and what is behind it');
  t.match(await sessions.execute('one', { type: 'delete', owner: 'ann', force: false }, ORIGIN), { snapshot: { value: 'deleting' } });
});

t.test('reading a long stream keeps its state, so that the next time is shorter; a short one is never kept', async (t) => {
  const store = createMemoryStore();
  await liveLong(store, 2_400);
  const file = fileOf(t);
  const first = await open(t, file);
  await brokerOn(store, first).sessions.look('one');
  await first.close();
  const second = await open(t, file);
  t.match(await second.find(STREAM), { revision: 1_999 });
  const short = createMemoryStore();
  await liveLong(short, 999, second);
  await brokerOn(short, second).sessions.look('one');
  t.match(await second.find(STREAM), { revision: 1_999 });
});

t.test('a state that is ahead of the log, or of another log, is not used', async (t) => {
  const store = createMemoryStore();
  const file = fileOf(t);
  const first = await open(t, file);
  await liveLong(store, 1_500, first);
  await first.close();
  const snapshots = await open(t, file);
  const { revision = 0 } = (await snapshots.find(STREAM)) ?? {};
  const backup = createMemoryStore();
  for (const fact of store.facts.slice(0, revision)) backup.facts.push(fact);
  backup.streams.set(STREAM, [...backup.facts]);
  t.equal((await brokerOn(backup, snapshots).sessions.look('one')).context.connections, revision - 3, 'from a backup that is older');
  const other = createMemoryStore();
  await liveLong(other, 1_600);
  t.equal((await brokerOn(other, snapshots).sessions.look('one')).context.connections, 1_597, 'from another log');
});

t.test('an actor whose facts were all taken out of the log begins anew behind them', async (t) => {
  const store = createMemoryStore();
  await liveLong(store, 5);
  await brokerOn(store).sessions.create('two', { type: 'request', spec: wish() }, ORIGIN);
  const log = openMemoryEventLog(store);
  t.equal(await log.remove(streamName('session', 'one'), { revision: 4, hash: 'h', note: 'n' }), true);
  const { sessions } = brokerOn(store);
  t.equal((await sessions.look('one')).value, 'unknown');
  const { snapshot } = await sessions.create('one', { type: 'request', spec: wish() }, ORIGIN);
  t.equal(snapshot.value, 'placing');
  t.match(await log.readStream(streamName('session', 'one'), 0, 10), [{ revision: 5, type: 'session.requested' }]);
});

t.test('a state that another version of the domain kept is not used, and is forgotten', async (t) => {
  const store = createMemoryStore();
  const file = fileOf(t);
  const first = await open(t, file, 'the one before');
  await liveLong(store, 1_200, first);
  await first.close();
  const later = await open(t, file);
  t.equal(await later.find(STREAM), undefined);
  await later.close();
  t.equal(await (await open(t, file, 'the one before')).find(STREAM), undefined);
});

const id = fc.constantFrom('a', 'b');
const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc.constantFrom<Statement>(
    { type: 'server.registered', data: { agentClientId: 'x' } },
    { type: 'server.described', data: description() },
    { type: 'server.opened', data: {} },
    { type: 'server.closed', data: { force: false } },
    { type: 'server.became-unreachable', data: { reason: 'Silent.' } },
    { type: 'server.removed', data: { reason: 'Gone.' } },
    { type: 'session.requested', data: wish() },
    { type: 'session.placed', data: { serverId: SERVER, attempt: 1, choice: null } },
    { type: 'session.started', data: { attempt: 1 } },
    { type: 'session.failed', data: { attempt: 1, reason: 'No.', retrying: true } },
    { type: 'session.permissions-updated', data: { permissionsFile: 'YQ==' } },
    { type: 'session.deletion-requested', data: { force: true } },
    { type: 'session.deleted', data: { reason: 'Closed.' } },
    { type: 'request.accepted', data: { operation: 'x', fingerprint: 'y', expires: 3 } },
    { type: 'request.answered', data: { status: 200, body: '{}' } },
  ),
  id.map((session) => ({
    type: 'server.slot-reserved',
    data: { sessionId: sessionId(session), sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 },
  })),
  id.map((session) => ({ type: 'server.slot-released', data: { sessionId: sessionId(session) } })),
);

t.test('a state that was kept in between makes no difference to where the facts lead', async (t) => {
  const lives = fc.array(fc.tuple(statement, fc.boolean()), { maxLength: 60, size: 'max' });
  for (const machine of [serverMachine, sessionMachine, requestMachine] satisfies AnyStateMachine[]) {
    const folding = createFolding(machine as AnyStateMachine);
    const property = fc.property(lives, (life) => {
      let straight = folding.initial;
      let interrupted = folding.initial;
      for (const [fact, isKept] of life) {
        const event = { ...fact, time: 5, requestId: ORIGIN.requestId };
        deepStrictEqual(interrupted.can(event), straight.can(event));
        if (!straight.can(event)) continue;
        straight = folding.next(straight, event, '');
        interrupted = folding.next(interrupted, event, '');
        if (isKept) interrupted = folding.snapshotOf(JSON.parse(JSON.stringify(folding.stateOf(interrupted))));
      }
      deepStrictEqual(JSON.parse(JSON.stringify(folding.stateOf(interrupted))), JSON.parse(JSON.stringify(folding.stateOf(straight))));
    });
    t.doesNotThrow(() => fc.assert(property), machine.id);
  }
});

import { deepStrictEqual } from 'node:assert';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { createActor } from 'xstate';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { accessMachine } from '../../domain/access/machine.ts';
import type { RecordedFact, Statement } from '../../domain/facts.ts';
import { type StreamName, serverId, sessionId, streamName } from '../../domain/ids.ts';
import { serverMachine } from '../../domain/server/machine.ts';
import { sessionMachine } from '../../domain/session/machine.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import { createChanges } from '../../projections/changes.ts';
import { purgeStep } from '../../projections/purging.ts';
import { createChangeWriter } from '../../projections/writing.ts';
import { createRecordingLogger, dump, factOf, temporaryFolder } from '../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../helpers/samples.ts';
import { SEED } from '../helpers/seed.ts';

const id = fc.constantFrom('a', 'b', 'c');
const reason = fc.constantFrom('Because.', 'It is so.');
const owner = fc.constantFrom('ann', 'bob');
const attempt = fc.integer({ min: 0, max: 3 });

const sessionStatement: fc.Arbitrary<Statement> = fc.oneof(
  owner.map((name) => ({ type: 'session.requested', data: wish({ owner: name, permissionsFile: 'YQ==' }) })),
  reason.map((text) => ({ type: 'session.refused', data: { ...wish(), reason: text } })),
  fc.record({ server: id, attempt }).map((data) => ({ type: 'session.placed', data: { serverId: data.server, attempt: data.attempt } })),
  attempt.map((number) => ({ type: 'session.started', data: { attempt: number } })),
  fc.record({ attempt, reason, retrying: fc.boolean() }).map((data) => ({ type: 'session.failed', data })),
  fc.boolean().map((force) => ({ type: 'session.deletion-requested', data: { force } })),
  reason.map((text) => ({ type: 'session.deleted', data: { reason: text } })),
  fc.constantFrom('YQ==', 'Yg==').map((permissionsFile) => ({ type: 'session.permissions-updated', data: { permissionsFile } })),
  fc
    .record({ count: fc.nat(3), lastDisconnectionTime: fc.option(fc.nat(), { nil: undefined }) })
    .map((data) => ({ type: 'session.connections-changed', data })),
  fc.record({ server: id, owner, connections: fc.nat(2) }).map(({ server, connections, owner: name }) => ({
    type: 'session.adopted',
    data: {
      name: 'found',
      owner: name,
      sessionType: 'CONSOLE',
      serverId: serverId(server),
      localId: 'console',
      creationTime: 5,
      connections,
    },
  })),
);

const tags = fc
  .uniqueArray(fc.constantFrom('colour', 'team', 'zone'))
  .map((keys) => keys.map((key, index) => ({ key, value: `value ${index}` })));

const serverStatement: fc.Arbitrary<Statement> = fc.oneof(
  fc.constant({ type: 'server.registered', data: { agentClientId: AGENT_CLIENT, broker: null } }),
  tags.map((list) => ({ type: 'server.described', data: description({ tags: list }) })),
  fc.constantFrom(
    { type: 'server.opened', data: {} },
    { type: 'server.closed', data: { force: false } },
    { type: 'server.became-unreachable', data: { reason: 'Silent.' } },
    { type: 'server.became-reachable', data: { broker: null } },
    { type: 'server.health-changed', data: { healthy: false, reason: 'No display.' } },
    { type: 'server.health-changed', data: { healthy: true } },
    { type: 'server.logged-in-users-changed', data: { users: ['ann'] } },
    { type: 'server.removed', data: { reason: 'Gone.' } },
  ),
  fc.record({ session: id, owner, attempt }).map((data) => ({
    type: 'server.slot-reserved',
    data: { sessionId: sessionId(data.session), sessionType: 'VIRTUAL', owner: data.owner, attempt: data.attempt },
  })),
  id.map((session) => ({ type: 'server.slot-released', data: { sessionId: sessionId(session) } })),
);

const clientStatement: fc.Arbitrary<Statement> = fc.constantFrom(
  { type: 'api-client.registered', data: { name: 'console', passwordHash: 'hash', scopes: null, owner: null } },
  { type: 'api-client.unregistered', data: {} },
);

/** Facts as a broker could have written them: each is one that its actor's machine allows. */
const facts: fc.Arbitrary<readonly RecordedFact[]> = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constant('session'), id, sessionStatement) },
      { weight: 5, arbitrary: fc.tuple(fc.constant('server'), id, serverStatement) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('api-client'), id, clientStatement) },
    ),
    { maxLength: 400, size: 'max' },
  )
  .map(onlyAllowed);

function onlyAllowed(wishes: readonly (readonly [string, string, Statement])[]): readonly RecordedFact[] {
  const machines = { session: sessionMachine, server: serverMachine, 'api-client': accessMachine };
  const actors = new Map<StreamName, ReturnType<typeof createActor>>();
  const revisions = new Map<StreamName, number>();
  return wishes.flatMap(([category, actorId, statement], index) => {
    const stream = streamName(category, actorId);
    const known = actors.get(stream) ?? createActor(machines[category as keyof typeof machines]).start();
    actors.set(stream, known);
    const time = 1_000_000 + index;
    const event = { ...statement, time };
    if (!known.getSnapshot().can(event as never)) return [];
    known.send(event as never);
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    return [{ ...factOf(statement, time), stream, revision, position: 10 * (index + 1) }];
  });
}

/** Facts after which a deleted session is forgotten. */
const REMEMBERED = 30;

async function apply(file: string, all: readonly RecordedFact[], sizes: readonly number[]): Promise<void> {
  const database = await openReadDatabase(file, { logger: createRecordingLogger(), readers: 1 });
  const writer = createChangeWriter();
  for (let start = 0, turn = 0; start < all.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const changes = createChanges();
    for (const fact of all.slice(start, start + size)) for (const projection of PROJECTIONS) projection.apply(fact, changes);
    await database.transactor.transact((transaction) => writer.write(transaction, changes));
    start += size;
    await purgeStep(database, (all[Math.min(start, all.length) - 1]?.time ?? 0) - REMEMBERED);
  }
  await database.transactor.transact((transaction) => transaction.updateTable('cursor').set({ purged_before: 0 }).execute());
  await database.close();
}

t.test('facts give the same tables whatever the batches they arrive in, and whenever deleted sessions are forgotten', async (t) => {
  const folder = temporaryFolder(t);
  let run = 0;
  let tried = 0;
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
  const property = fc.asyncProperty(facts, sizes, async (all, batchSizes) => {
    run += 1;
    const live = join(folder, `live-${run}.db`);
    const rebuilt = join(folder, `rebuilt-${run}.db`);
    await apply(live, all, batchSizes);
    await apply(rebuilt, all, [1000]);
    deepStrictEqual(await dump(rebuilt), await dump(live));
    tried += all.length;
    for (const file of [live, rebuilt]) rmSync(file);
  });
  await t.resolves(fc.assert(property, { numRuns: 40, seed: SEED }));
  t.ok(tried > 1000, `with ${tried} facts`);
});

/** Seeking a server while the log is out of reach, or while others are quicker. */
import t from 'tap';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { createActors } from '../../../domain/actors.ts';
import { NO_STREAM } from '../../../domain/facts.ts';
import { factId, serverId, sessionId, streamName } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError } from '../../../domain/ports/event-log.ts';
import { job, jobOf } from '../../../domain/processes/job.ts';
import { seek } from '../../../domain/processes/seeking.ts';
import { serverKind } from '../../../domain/server/actor.ts';
import { sessionKind } from '../../../domain/session/actor.ts';
import { GREETING, setUpCore } from '../../helpers/core.ts';
import { createTestFleet } from '../../helpers/fleet.ts';
import { AGENT_CLIENT, BROKER, description, ORIGIN, wish } from '../../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock } from '../../helpers/simulated-clock.ts';

const small = (hostname: string) => ({ description: description({ hostname, maxVirtualSessions: 1 }) });

/** A log that turns down appends for as long as `refuses` says so. */
function refusing(refuses: (stream: string, type: string) => boolean) {
  return (log: EventLog): EventLog => ({
    ...log,
    append: async (stream, expectedRevision, facts) => {
      if (refuses(stream, facts[0]?.type ?? '')) throw new LogBusyError('Too much is waiting.');
      return log.append(stream, expectedRevision, facts);
    },
  });
}

t.test('a placement that the log did not take is made again on the same server, so that no slot is forgotten', async (t) => {
  let refusals = 2;
  const refuses = (_: string, type: string) => type === 'session.placed' && refusals-- > 0;
  const broker = await setUpCore(t, {}, refusing(refuses));
  for (const name of ['A', 'B', 'C', 'D']) await broker.greet(name);
  const creating = broker.core.application.createSessions([wish()], ORIGIN);
  await broker.pass(5_000);
  const [result] = await creating;
  const id = result !== undefined && 'done' in result ? result.done.id : '';
  const at = (await broker.describe(id)).server?.id ?? '';
  for (const name of ['A', 'B', 'C', 'D']) {
    t.equal(broker.types('server', name).includes('server.slot-reserved'), name === at, name);
  }
});

t.test('a server that has filled up since it was asked is given up for another', async (t) => {
  let refusals = 1;
  const refuses = (stream: string, type: string) => stream === 'server-A' && type === 'server.slot-reserved' && refusals-- > 0;
  const broker = await setUpCore(t, {}, refusing(refuses));
  await broker.greet('A', small('A'));
  const creating = broker.core.application.createSessions([wish()], ORIGIN);
  await broker.settle();
  await broker.core.application.closeServers([{ serverId: 'A', force: true }], ORIGIN);
  await broker.greet('B', small('B'));
  await broker.pass(5_000);
  const [result] = await creating;
  const id = result !== undefined && 'done' in result ? result.done.id : '';
  t.match(await broker.describe(id), { server: { id: 'B' } });
});

t.test('a session that is deleted while its slot is being reserved gives the slot back', async (t) => {
  const broker = await setUpCore(t, {}, (log) => ({
    ...log,
    append: async (stream, expectedRevision, facts) => {
      const deletes =
        facts[0]?.type === 'server.slot-reserved' ? [...broker.store.streams.keys()].filter((name) => name.startsWith('session-')) : [];
      for (const name of deletes) {
        const id = name.slice('session-'.length);
        await broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force: false }], ORIGIN);
      }
      return log.append(stream, expectedRevision, facts);
    },
  }));
  await broker.greet('A');
  await broker.core.application.createSessions([wish()], ORIGIN);
  await broker.settle();
  t.same(broker.types('server', 'A').slice(-2), ['server.slot-reserved', 'server.slot-released']);
  t.same(broker.ordersOf('A'), []);
});

t.test('where others are always quicker, the request is refused and says so', async (t) => {
  const broker = await setUpCore(t);
  await broker.greet('A', small('A'));
  // Another broker takes the only slot, and this one has not heard of it when it decides.
  const taken = { type: 'server.slot-reserved', data: { sessionId: 'other', sessionType: 'VIRTUAL', owner: 'eve', attempt: 1 } };
  const stream = streamName('server', 'A');
  const facts = broker.store.streams.get(stream) ?? [];
  const last = facts.at(-1);
  const position = (broker.store.facts.at(-1)?.position ?? 0) + 1;
  const recorded = { ...ORIGIN, ...taken, id: factId('44444444-4444-4444-8444-444444444444'), schemaVersion: 1, time: 0 };
  facts.push({ ...recorded, stream, revision: (last?.revision ?? NO_STREAM) + 1, position } as never);
  t.match(await broker.create(), /1 server considered: 1 taken by others meanwhile/);
});

t.test('where the index is wrong about every server the search ends all the same, and says so', async (t) => {
  const ports = { log: openMemoryEventLog(), clock: createSimulatedClock(), random: createSeededRandom(1) };
  const actors = { sessions: createActors(sessionKind, ports), servers: createActors(serverKind, ports) };
  const { fleet, add } = createTestFleet();
  for (const name of ['A', 'B']) add(name);
  const id = sessionId('s');
  const all = { wish: wish(), attempt: 1, tried: [], origin: ORIGIN, deadline: 0, isTold: false, round: 0 };
  const found = await seek({ ...ports, ...actors, fleet }, 'pack', job(id, all));
  t.match(found, { outcome: 'none', reason: /; 2 servers considered: 2 taken by others meanwhile\.$/ });
  t.equal(fleet.get(serverId('A'))?.asked.size, 0);
});

/** A server with a session whose slot is taken for its first attempt, and what a leader does that is behind: it tries to place it once more there. */
async function behind(then: 'it is placed' | 'it is placed anew' | 'it is over') {
  const ports = { log: openMemoryEventLog(), clock: createSimulatedClock(), random: createSeededRandom(1) };
  const actors = { sessions: createActors(sessionKind, ports), servers: createActors(serverKind, ports) };
  const { fleet } = createTestFleet();
  const [id, server] = [sessionId('s'), serverId('A')];
  const { healthy, loggedInUsers, ...greeting } = GREETING;
  const greet = {
    type: 'greet',
    broker: BROKER,
    clientId: AGENT_CLIENT,
    description: greeting.description,
    healthy,
    loggedInUsers,
  } as const;
  const choice = { policy: 'pack', candidates: [server], considered: 1, turnedDown: {}, failed: [] } as const;
  await actors.servers.execute(server, greet, ORIGIN);
  await actors.sessions.execute(id, { type: 'request', spec: wish() }, ORIGIN);
  await actors.servers.execute(server, { type: 'reserve', sessionId: id, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 }, ORIGIN);
  const late = { wish: wish(), attempt: 1, tried: [], origin: ORIGIN, deadline: 0, isTold: false, round: 0 };
  if (then === 'it is placed') {
    await actors.sessions.execute(id, { type: 'place', serverId: server, attempt: 1, round: 0, choice }, ORIGIN);
    late.attempt = 2;
  } else if (then === 'it is placed anew') {
    await actors.sessions.execute(id, { type: 'restart-placement', round: 0 }, ORIGIN);
  } else {
    await actors.sessions.execute(id, { type: 'delete', owner: 'ann', force: false }, ORIGIN);
  }
  const found = await seek({ ...ports, ...actors, fleet }, 'pack', { ...job(id, late), asked: { serverId: server, choice } });
  return { found, slots: (await actors.servers.look(server)).context.slots.length };
}

t.test('a leader that is behind leaves a session its slot', async (t) => {
  t.same(await behind('it is placed'), { found: { outcome: 'gone' }, slots: 1 });
});

t.test('a leader that is behind leaves the slot to the one that places the session anew', async (t) => {
  t.same(await behind('it is placed anew'), { found: { outcome: 'gone' }, slots: 1 });
});

t.test('a leader that is behind gives back the slot of a session that is over', async (t) => {
  t.same(await behind('it is over'), { found: { outcome: 'gone' }, slots: 0 });
});

t.test('a session that looks for no server gives nothing to do', async (t) => {
  const ports = { log: openMemoryEventLog(), clock: createSimulatedClock(), random: createSeededRandom(1) };
  const sessions = createActors(sessionKind, ports);
  t.equal(jobOf(sessionId('nobody'), await sessions.look('nobody'), 1_000, ORIGIN), undefined);
});

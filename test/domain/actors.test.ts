/** Actors: deciding, appending, coming back from the log, and getting along with other writers. */
import t from 'tap';
import { openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { ACTOR_LIMITS, type ActorLimits, createActors } from '../../domain/actors.ts';
import { NO_STREAM } from '../../domain/facts.ts';
import { factId, serverId, streamName } from '../../domain/ids.ts';
import { type EventLog, LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import { sessionKind } from '../../domain/session/actor.ts';
import { ORIGIN, wish } from '../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock, turn } from '../helpers/simulated-clock.ts';

const SERVER = serverId('c2VydmVy');
const request = { type: 'request', spec: wish() } as const;
const place = { type: 'place', serverId: SERVER, attempt: 1 } as const;
const started = { type: 'report-started', serverId: SERVER, attempt: 1 } as const;

function setUp(log: EventLog = openMemoryEventLog(), limits: ActorLimits = ACTOR_LIMITS) {
  const clock = createSimulatedClock();
  const sessions = createActors(sessionKind, { log, clock, random: createSeededRandom(1) }, limits);
  const types = async (id: string) => (await log.readStream(streamName('session', id), 0, 500)).map(({ type }) => type);
  return { log, clock, sessions, types };
}

/** The log, but every append goes through `append` first. */
const through = (log: EventLog, append: EventLog['append']): EventLog => ({ ...log, append });

t.test('a command answers when its facts are in the log', async (t) => {
  const { log, sessions, types } = setUp();
  const outcome = await sessions.create('one', request, ORIGIN);
  t.match(outcome, { facts: [{ type: 'session.requested', schemaVersion: 1, requestId: ORIGIN.requestId }], position: await log.head() });
  t.equal(outcome.snapshot.value, 'placing');
  t.same(await types('one'), ['session.requested']);
});

t.test('a rejected command writes nothing and says why', async (t) => {
  const { sessions, types } = setUp();
  t.match(await sessions.execute('one', { type: 'delete', owner: 'ann', force: false }, ORIGIN), {
    rejected: { code: 'SESSION_NOT_FOUND' },
  });
  t.same(await types('one'), []);
});

t.test('commands that wait for one actor are appended together and answered in order', async (t) => {
  let appends = 0;
  const log = openMemoryEventLog();
  const { sessions, types } = setUp(
    through(log, (...call) => {
      appends += 1;
      return log.append(...call);
    }),
  );
  const outcomes = await Promise.all([request, place, started].map((command) => sessions.execute('one', command, ORIGIN)));
  t.same(
    outcomes.map(({ snapshot }) => snapshot.value),
    ['placing', 'placed', 'ready'],
  );
  t.same(await types('one'), ['session.requested', 'session.placed', 'session.started']);
  t.ok(appends <= 2, `${appends} appends`);
});

t.test('an actor comes back from its stream in the state in which it was', async (t) => {
  const { log, sessions } = setUp();
  for (const command of [request, place]) await sessions.execute('one', command, ORIGIN);
  const later = setUp(log).sessions;
  t.equal((await later.look('one')).value, 'placed');
  t.match(await later.execute('one', started, ORIGIN), { facts: [{ type: 'session.started' }] });
});

t.test('a stream of more than one page is read whole', async (t) => {
  const { log, sessions } = setUp();
  for (const command of [request, place, started]) await sessions.execute('one', command, ORIGIN);
  for (let count = 1; count <= 600; count += 1)
    await sessions.execute('one', { type: 'report-connections', serverId: SERVER, count }, ORIGIN);
  t.equal((await setUp(log).sessions.look('one')).context.connections, 600);
});

t.test('somebody else writing to the stream makes the command be decided anew', async (t) => {
  const { log, sessions, types } = setUp();
  await sessions.execute('one', request, ORIGIN);
  await setUp(log).sessions.execute('one', { type: 'delete', owner: 'ann', force: true }, ORIGIN);
  t.match(await sessions.execute('one', place, ORIGIN), { rejected: { code: 'NOT_WAITING' } });
  t.same(await types('one'), ['session.requested', 'session.deletion-requested', 'session.deleted']);
});

t.test('an actor that was taken to be new and is not is decided anew as well', async (t) => {
  const { log, sessions } = setUp();
  await sessions.execute('one', request, ORIGIN);
  t.match(await setUp(log).sessions.create('one', request, ORIGIN), { facts: [] });
});

t.test('a stream that is written to from elsewhere all the time is given up in bounded time', async (t) => {
  const log = openMemoryEventLog();
  const { sessions } = setUp(through(log, async () => ({ outcome: 'conflict', actualRevision: 7 })));
  await t.rejects(sessions.execute('one', request, ORIGIN), LogBusyError);
});

t.test('an append of unknown outcome is repeated with the same facts, so that nothing is written twice', async (t) => {
  const log = openMemoryEventLog();
  let faults = 0;
  const { sessions, types, clock } = setUp(
    through(log, async (...call) => {
      const appended = await log.append(...call);
      faults += 1;
      if (faults <= 2) throw new LogFault('The answer was lost.');
      return appended;
    }),
  );
  const outcome = sessions.execute('one', request, ORIGIN);
  await clock.advance(1_000);
  t.match(await outcome, { facts: [{ type: 'session.requested' }] });
  t.same(await types('one'), ['session.requested']);
});

t.test('a log that takes long to fail is not asked again and again, because callers do not wait that long', async (t) => {
  let asked = 0;
  const { sessions, clock } = setUp(
    through(openMemoryEventLog(), async () => {
      asked += 1;
      await new Promise<void>((resolve) => clock.after(4_000, resolve));
      throw new LogFault('The server has not answered.');
    }),
  );
  const failed = t.rejects(sessions.execute('one', request, ORIGIN), LogFault);
  await clock.advance(60_000);
  await failed;
  t.equal(asked, 2);
});

t.test('whoever looks while an append is under way sees what came of it, and of a failed one what is in the log', async (t) => {
  const log = openMemoryEventLog();
  let isAway = false;
  const { sessions, clock } = setUp(
    through(log, async (...call) => {
      if (isAway) throw new LogFault('The disk is away.');
      return log.append(...call);
    }),
  );
  const requested = sessions.execute('one', request, ORIGIN);
  t.equal((await sessions.look('one')).value, 'placing');
  await requested;
  isAway = true;
  const failed = t.rejects(sessions.execute('one', place, ORIGIN), LogFault);
  const seen = sessions.look('one');
  await clock.advance(10_000);
  t.equal((await seen).value, 'placing');
  await failed;
});

t.test('a log that stays away fails the command, and the actor goes on when it is back', async (t) => {
  const log = openMemoryEventLog();
  let isAway = true;
  const { sessions, clock } = setUp(
    through(log, async (...call) => {
      if (isAway) throw new LogFault('The disk is away.');
      return log.append(...call);
    }),
  );
  const outcome = t.rejects(sessions.execute('one', request, ORIGIN), LogFault);
  await clock.advance(10_000);
  await outcome;
  isAway = false;
  t.match(await sessions.execute('one', request, ORIGIN), { facts: [{ type: 'session.requested' }] });
});

t.test('a mailbox takes so many commands and no more', async (t) => {
  const { sessions } = setUp(openMemoryEventLog(), { kept: 10, mailbox: 2 });
  const outcomes = await Promise.allSettled([request, request, request, request].map((each) => sessions.execute('one', each, ORIGIN)));
  t.ok(outcomes.some((outcome) => outcome.status === 'rejected' && outcome.reason instanceof LogBusyError));
  t.match(await sessions.execute('one', request, ORIGIN), { facts: [] });
});

t.test('idle actors are passivated under the bound, and those that are over at once', async (t) => {
  const { sessions } = setUp(openMemoryEventLog(), { kept: 3, mailbox: 10 });
  for (const id of ['a', 'b', 'c', 'd', 'e']) await sessions.execute(id, request, ORIGIN);
  await turn();
  t.ok(sessions.size <= 3, `${sessions.size} are kept`);
  t.equal((await sessions.look('a')).value, 'placing');
  await sessions.execute('e', { type: 'delete', owner: 'ann', force: false }, ORIGIN);
  await turn();
  t.equal(sessions.size, 2);
});

t.test('a fact that cannot follow is named, not skipped', async (t) => {
  const { log, sessions } = setUp();
  const fact = { ...ORIGIN, id: factId('33333333-3333-4333-8333-333333333333'), schemaVersion: 1, time: 0 };
  await log.append(streamName('session', 'odd'), NO_STREAM, [{ ...fact, type: 'session.started', data: { attempt: 1 } }]);
  await t.rejects(sessions.look('odd'), /session-odd at revision 0: session.started cannot follow in state "unknown"/);
  await t.rejects(sessions.execute('odd', request, ORIGIN), /cannot follow/);
});

/** Two brokers on one log: what each appends, the other hears when `tell` is called. */
function setUpTwo() {
  const log: EventLog = { ...openMemoryEventLog(), isShared: true };
  const [here, there] = [setUp(log).sessions, setUp(log).sessions];
  async function tell(id: string, from: number, to = Number.POSITIVE_INFINITY) {
    for (const fact of await log.readStream(streamName('session', id), from, to - from + 1)) here.heard(id, fact);
  }
  return { log, here, there, tell };
}

t.test('on a shared log nothing is refused, and nothing taken for done, on a state that others have moved on', async (t) => {
  const { here, there } = setUpTwo();
  await here.create('one', request, ORIGIN);
  for (const command of [place, started]) await there.execute('one', command, ORIGIN);
  t.match(await here.execute('one', { type: 'report-connections', serverId: SERVER, count: 1 }, ORIGIN), {
    facts: [{ type: 'session.connections-changed' }],
  });
  await there.execute('one', { type: 'delete', owner: 'ann', force: true }, ORIGIN);
  t.match(await here.execute('one', { type: 'update-permissions', owner: 'ann', permissionsFile: 'cA==' }, ORIGIN), {
    rejected: { code: 'SESSION_GONE' },
  });
});

t.test('an actor in memory moves on by the facts that it hears', async (t) => {
  const { here, there, tell } = setUpTwo();
  await here.create('one', request, ORIGIN);
  for (const command of [place, started]) await there.execute('one', command, ORIGIN);
  t.equal((await here.look('one')).value, 'placing');
  await tell('one', 0, 1);
  t.equal((await here.look('one')).value, 'placed');
  await tell('one', 2);
  t.equal((await here.look('one')).value, 'ready');
  await there.execute('one', { type: 'delete', owner: 'ann', force: true }, ORIGIN);
  await tell('one', 3);
  t.equal(here.size, 0, 'what is over is not kept');
  await tell('one', 4);
  t.equal(here.size, 0);
});

t.test('an actor that missed a fact is read anew', async (t) => {
  const { here, there, tell } = setUpTwo();
  await here.create('one', request, ORIGIN);
  for (const command of [place, started]) await there.execute('one', command, ORIGIN);
  await tell('one', 2);
  t.equal((await here.look('one')).value, 'ready');
});

t.test('a fact that is heard while a batch is under way is not forgotten', async (t) => {
  const { log, here, there } = setUpTwo();
  await here.create('one', request, ORIGIN);
  let tellInBetween: (() => Promise<void>) | undefined;
  const slow: EventLog = {
    ...log,
    async readStream(...call) {
      const facts = await log.readStream(...call);
      await tellInBetween?.();
      return facts;
    },
  };
  const late = setUp(slow).sessions;
  await late.execute('one', { type: 'delete', owner: 'bob', force: false }, ORIGIN);
  tellInBetween = async () => {
    tellInBetween = undefined;
    await there.execute('one', place, ORIGIN);
    for (const fact of await log.readStream(streamName('session', 'one'), 1, 1)) late.heard('one', fact);
  };
  await late.execute('one', { type: 'delete', owner: 'bob', force: false }, ORIGIN);
  t.equal((await late.look('one')).value, 'placed');
});

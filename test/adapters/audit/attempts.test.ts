/** What is kept of attempts that were refused, however many there are. */
import t from 'tap';
import { type AttemptLimits, createAttempts } from '../../../adapters/audit/attempts.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { LOG_START, NO_STREAM, type Origin } from '../../../domain/facts.ts';
import { brokerId, requestId, streamName } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError, LogFault } from '../../../domain/ports/event-log.ts';
import { newFacts } from '../../helpers/new-facts.ts';
import { ORIGIN } from '../../helpers/samples.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

const ATTEMPT = { operation: 'deleteSessions', status: 200, code: 'OWNER_MISMATCH', reason: 'No.' };
const STRANGER: Origin = { cause: { kind: 'broker', id: 'client-api' }, requestId: requestId('r') };
const DAY = 86_400_000;
const FEW: AttemptLimits = {
  known: { each: { burst: 3, perMinute: 1 }, all: { burst: 5, perMinute: 2 }, sources: 10 },
  strangers: { each: { burst: 2, perMinute: 1 }, all: { burst: 4, perMinute: 1 }, sources: 10 },
  logins: { each: { burst: 1, perMinute: 1 }, all: { burst: 2, perMinute: 1 }, sources: 10 },
  waiting: 100,
  countingMs: 10_000,
};

function setUp(limits?: AttemptLimits, wrap: (log: EventLog) => EventLog = (log) => log) {
  const log = openMemoryEventLog();
  const clock = createSimulatedClock();
  const errors: object[] = [];
  const logger = { error: (fields: object, message: string) => void errors.push({ ...fields, message }) };
  const attempts = createAttempts({ log: wrap(log), self: brokerId('b1'), clock, random: systemRandom, logger }, limits);
  return {
    log,
    clock,
    errors,
    attempts,
    async facts() {
      await attempts.idle();
      return log.readAll(LOG_START, 10_000);
    },
  };
}

t.test('an attempt is a fact of its own: who, what, from where and why not', async (t) => {
  const { attempts, facts, clock } = setUp();
  const attempt = { ...ATTEMPT, target: 'session-1', owner: 'bob', remoteAddress: '10.0.0.7' };
  attempts.refused(attempt, ORIGIN);
  const [fact] = await facts();
  t.match(fact, {
    ...ORIGIN,
    type: 'attempt.refused',
    data: attempt,
    schemaVersion: 1,
    time: clock.now(),
    stream: 'attempts-2026-01-01-b1',
  });
});

t.test('a login is a fact of its own, and whoever repeats it without end is only counted', async (t) => {
  const { attempts, facts, clock } = setUp(FEW);
  const login = { operation: 'a path', user: 'ann', target: 'session-1', remoteAddress: '10.0.0.9' };
  const others = { ...login, user: 'bob' };
  for (const each of [login, login, others, { ...login, target: 'session-2' }]) attempts.accepted(each, STRANGER);
  await clock.advance(FEW.countingMs);
  t.match(
    (await facts()).map(({ type, data }) => [type, data]),
    [
      ['login.accepted', login],
      ['login.accepted', others],
      ['attempt.omitted', { count: 2, codes: { LOGIN_ACCEPTED: 2 } }],
    ],
  );
  await attempts.stop();
  attempts.accepted(login, STRANGER);
  t.equal((await facts()).length, 3);
});

t.test('what comes while others are written goes on in order, and every day has a stream of its own', async (t) => {
  const { attempts, facts, clock } = setUp();
  for (let number = 0; number < 450; number += 1) attempts.refused({ ...ATTEMPT, reason: `${number}` }, ORIGIN);
  t.same(
    (await facts()).map(({ data }) => data),
    Array.from({ length: 450 }, (_, number) => ({ ...ATTEMPT, reason: `${number}` })),
  );
  await clock.advance(DAY);
  attempts.refused(ATTEMPT, ORIGIN);
  t.match((await facts()).at(-1), { stream: 'attempts-2026-01-02-b1', revision: 0 });
});

t.test('a broker that starts again goes on where its stream ends', async (t) => {
  const { attempts, facts, log } = setUp();
  await log.append(streamName('attempts', '2026-01-01-b1'), NO_STREAM, newFacts(3));
  attempts.refused(ATTEMPT, ORIGIN);
  attempts.refused(ATTEMPT, ORIGIN);
  t.same(
    (await facts()).slice(3).map(({ revision }) => revision),
    [3, 4],
  );
});

t.test('beyond what one source may, and all together may, attempts are only counted, and a fact says how many', async (t) => {
  const { attempts, facts, clock } = setUp(FEW);
  const from = (id: string) => ({ ...ORIGIN, cause: { kind: 'client', id } as const });
  const start = clock.now();
  for (let round = 0; round < 5; round += 1) {
    for (const id of ['a', 'b']) attempts.refused({ ...ATTEMPT, code: id }, from(id));
    await clock.advance(10);
  }
  const early = await facts();
  t.equal(early.length, 5, 'three of one, and then all may no more');
  await clock.advance(10_000);
  const [omitted, ...none] = (await facts()).slice(5);
  t.same(none, []);
  t.match(omitted, { type: 'attempt.omitted', cause: { kind: 'broker', id: 'attempts' } });
  t.same(omitted?.data, { count: 5, from: start + 20, to: start + 40, codes: { b: 3, a: 2 } });
  await clock.advance(60_000);
  attempts.refused(ATTEMPT, from('a'));
  t.equal((await facts()).length, 7, 'after a while there is room again');
});

t.test('strangers have what they may apart from those who are known, each address for itself', async (t) => {
  const { attempts, facts } = setUp(FEW);
  for (let number = 0; number < 100; number += 1) attempts.refused({ ...ATTEMPT, remoteAddress: `10.0.0.${number % 2}` }, STRANGER);
  t.equal((await facts()).length, 4);
  attempts.refused(ATTEMPT, STRANGER);
  attempts.refused(ATTEMPT, ORIGIN);
  t.equal((await facts()).length, 5);
});

t.test('when the broker stops, what was only counted is told, and what comes later is not recorded', async (t) => {
  const { attempts, log } = setUp(FEW);
  for (let number = 0; number < 7; number += 1) attempts.refused(ATTEMPT, ORIGIN);
  await attempts.stop();
  attempts.refused(ATTEMPT, ORIGIN);
  await attempts.idle();
  const facts = await log.readAll(LOG_START, 100);
  t.same(
    facts.map(({ type }) => type),
    ['attempt.refused', 'attempt.refused', 'attempt.refused', 'attempt.omitted'],
  );
});

t.test('texts are cut, and no character in half', async (t) => {
  const { attempts, facts } = setUp();
  attempts.refused({ ...ATTEMPT, reason: 'x'.repeat(10_000), target: `session-${'y'.repeat(291)}😀` }, ORIGIN);
  const [fact] = await facts();
  t.same(fact?.data, { ...ATTEMPT, reason: `${'x'.repeat(300)}…`, target: `session-${'y'.repeat(291)}…` });
});

t.test('a log that is busy or fails for a while costs nothing, and an append of unknown outcome counts once', async (t) => {
  const faults = [new LogBusyError('full'), new LogFault('gone')];
  const { attempts, clock, log, errors } = setUp(undefined, (log) => ({
    ...log,
    async append(stream, revision, facts) {
      const appended = await log.append(stream, revision, facts);
      const fault = faults.shift();
      if (fault) throw fault;
      return appended;
    },
  }));
  attempts.refused(ATTEMPT, ORIGIN);
  attempts.refused(ATTEMPT, ORIGIN);
  await clock.advance(10_000);
  await attempts.idle();
  t.equal((await log.readAll(LOG_START, 10)).length, 2);
  t.same(errors, []);
});

t.test('what could not be written is counted, and told when the log is back', async (t) => {
  let isGone = true;
  const { attempts, clock, log, errors } = setUp(undefined, (log) => ({
    ...log,
    append: (stream, revision, facts) => (isGone ? Promise.reject(new LogFault('gone')) : log.append(stream, revision, facts)),
  }));
  for (let number = 0; number < 3; number += 1) attempts.refused(ATTEMPT, ORIGIN);
  await clock.advance(15_000);
  t.match(errors, [{ message: 'Attempts that were refused could not be recorded.' }]);
  isGone = false;
  await clock.advance(60_000);
  await attempts.idle();
  t.match(await log.readAll(LOG_START, 10), [{ type: 'attempt.omitted', data: { count: 3, codes: { OWNER_MISMATCH: 3 } } }]);
});

t.test('while the log is stuck memory holds no more than it may', async (t) => {
  const { attempts, log, clock } = setUp(
    { ...FEW, known: { ...FEW.known, each: { burst: 1e6, perMinute: 0 }, all: { burst: 1e6, perMinute: 0 } } },
    (log) => ({
      ...log,
      append: async (stream, revision, facts) => {
        await new Promise<void>((resolve) => clock.after(1000, resolve));
        return log.append(stream, revision, facts);
      },
    }),
  );
  for (let number = 0; number < 1000; number += 1) attempts.refused(ATTEMPT, ORIGIN);
  await clock.advance(30_000);
  await attempts.idle();
  const facts = await log.readAll(LOG_START, 2000);
  t.equal(facts.length, 101);
  t.match(facts.at(-1), { type: 'attempt.omitted', data: { count: 900 } });
});

t.test('a stream that others write to all the time is given up', async (t) => {
  const { attempts, clock, errors } = setUp(undefined, (log) => ({
    ...log,
    append: async (_, revision) => ({ outcome: 'conflict', actualRevision: revision + 1 }),
  }));
  attempts.refused(ATTEMPT, ORIGIN);
  await clock.advance(1000);
  t.match(errors, [{ err: { name: 'LogBusyError' }, count: 1 }]);
});

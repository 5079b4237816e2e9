/** Checkpoints as they are signed: what they say, when they come, and when none must. */
import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compactVerify } from 'jose';
import t, { type Test } from 'tap';
import { chained } from '../../../adapters/evidence/chained.ts';
import { CHECKPOINTS, orderOf, readCheckpoint, wholeJws } from '../../../adapters/evidence/checkpoint.ts';
import { EVIDENCE_FILE, publishedIn } from '../../../adapters/evidence/published.ts';
import { createSealing } from '../../../adapters/evidence/sealing.ts';
import { createMemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { createMemoryLocks } from '../../../adapters/memory/locks.ts';
import { LOG_START, NO_STREAM, type RecordedFact } from '../../../domain/facts.ts';
import { type StreamName, streamName } from '../../../domain/ids.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import type { Lock } from '../../../domain/ports/locks.ts';
import { SILENT } from '../../helpers/core.ts';
import { audit, KEY, OTHER_KEY, publishedFor, seal, trusting } from '../../helpers/evidence.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { BROKER } from '../../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock } from '../../helpers/simulated-clock.ts';
import { pause, until } from '../../helpers/until.ts';

const DESK = streamName('desk', '1');
const CHAIR = streamName('chair', '1');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const NOT_SIGNED = 'Checkpoints are not signed at the moment; trying again until they are.';
const SIGNED_AGAIN = 'Checkpoints are signed again.';

/** A log in memory, and brokers on it that seal it, under a clock that passes when it is told to. */
function setUp(t: Test, wrap: (log: EventLog) => EventLog = (log) => log) {
  const file = join(t.testdir(), EVIDENCE_FILE);
  const store = createMemoryStore();
  const log = chained(wrap(openMemoryEventLog(store)));
  const clock = createSimulatedClock();
  const locks = createMemoryLocks()(BROKER);
  const said: string[] = [];
  const say = (_: object, message: string) => void said.push(message);
  const logger = { ...SILENT, warn: say, error: say };
  const ports = { log, clock, random: createSeededRandom(1), key: KEY, published: publishedIn(file), locks, logger };
  return {
    file,
    store,
    log,
    said,
    locks,
    checkpoints: () => (store.streams.get(CHECKPOINTS) ?? []).map((fact) => readCheckpoint(fact)),
    broker: () => createSealing(ports, { intervalMs: MINUTE }),
    /** Lets so much time pass that something would have happened; files are written in real time. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += SECOND) await step(clock);
    },
    /** Lets time pass until there are so many checkpoints; gives how long that took. */
    async reach(count: number) {
      const start = clock.now();
      const givingUpAt = Date.now() + 30_000;
      while ((store.streams.get(CHECKPOINTS)?.length ?? 0) < count && Date.now() < givingUpAt) await step(clock);
      t.equal(store.streams.get(CHECKPOINTS)?.length, count, `${count} checkpoints`);
      return clock.now() - start;
    },
  };
}

async function step(clock: SimulatedClock): Promise<void> {
  await clock.advance(SECOND);
  await pause(10);
}

t.test('a checkpoint says how many facts there were, in which order, and where each stream stands', async (t) => {
  const { log, store, file } = setUp(t);
  const published = publishedIn(file);
  await log.append(DESK, NO_STREAM, newFacts(2));
  await log.append(CHAIR, NO_STREAM, newFacts(1));
  await seal(log, published);
  await log.append(DESK, 1, newFacts(1));
  await seal(log, published);
  const [first, second] = store.streams.get(CHECKPOINTS) as RecordedFact[];
  const hashes = store.facts.map(({ hash }) => hash as string);
  const order = orderOf('', hashes.slice(0, 3));
  t.match(first, {
    revision: 0,
    cause: { kind: 'broker', id: 'checkpoints' },
    data: { number: 0, facts: 3, total: 3, previous: '', order, last: { stream: CHAIR, revision: 0 }, intervalSeconds: 60 },
  });
  t.strictSame(first && readCheckpoint(first)?.heads, [
    [DESK, 1, hashes[1]],
    [CHAIR, 0, hashes[2]],
  ]);
  t.match(
    second?.data,
    { number: 1, facts: 2, total: 5, previous: order, last: { stream: DESK, revision: 2 } },
    'the first is sealed by it',
  );
  t.strictSame(second && readCheckpoint(second)?.heads, [
    [CHECKPOINTS, 0, hashes[3]],
    [DESK, 2, hashes[4]],
  ]);
  t.match(await audit(log), { faults: 0, facts: 6, checkpoints: 2, unsealed: 0, keys: [KEY.keyId], lastCheckpoint: { number: 1 } });
});

t.test('what is published can be checked without the log and without Berth, and keeps the keys of before', async (t) => {
  const { log, file, checkpoints } = setUp(t);
  await log.append(DESK, NO_STREAM, newFacts(2));
  await seal(log, publishedIn(file), OTHER_KEY);
  await log.append(DESK, 1, newFacts(1));
  await seal(log, publishedIn(file), KEY);
  const { keys, checkpoint } = JSON.parse(await readFile(file, 'utf8'));
  t.match(keys, [
    { kid: KEY.keyId, kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' },
    { kid: OTHER_KEY.keyId, kty: 'OKP', crv: 'Ed25519' },
  ]);
  t.notOk(keys.some((key: object) => 'd' in key));
  const { payload, protectedHeader } = await compactVerify(checkpoint, createPublicKey({ key: keys[0], format: 'jwk' }));
  t.match(protectedHeader, { alg: 'EdDSA', kid: KEY.keyId });
  const last = checkpoints().at(-1);
  const { jws: _, ...sealed } = last ?? {};
  t.match(JSON.parse(Buffer.from(payload).toString()), { ...sealed, heads: /^[\w-]{43}$/ });
  t.equal(checkpoint, last && wholeJws(last));
  t.match(await audit(log, trusting(KEY, OTHER_KEY)), { faults: 0, keys: [OTHER_KEY.keyId, KEY.keyId] });
});

t.test('checkpoints come at intervals, only where something has happened, and at the end', async (t) => {
  const { log, broker, pass, reach, checkpoints, said } = setUp(t);
  const one = broker();
  one.start();
  await pass(MINUTE);
  t.equal(checkpoints().length, 0);
  await log.append(DESK, NO_STREAM, newFacts(2));
  await reach(1);
  await log.append(DESK, 1, newFacts(2));
  await log.append(DESK, 3, newFacts(2));
  t.ok((await reach(2)) > MINUTE / 2);
  await pass(3 * MINUTE);
  t.equal(checkpoints().length, 2, 'none for the checkpoint itself');
  await log.append(DESK, 5, newFacts(2));
  await one.stop();
  t.equal(checkpoints().length, 3);
  const other = broker();
  other.start();
  await log.append(DESK, 7, newFacts(1));
  t.ok((await reach(4)) < MINUTE, 'the first of a term comes soon');
  await other.stop();
  await broker().stop();
  t.match(await audit(log), { faults: 0, unsealed: 0, checkpoints: 4 });
  t.same(said, []);
});

t.test('much is sealed piece by piece, and no piece is large', async (t) => {
  const { log, store } = setUp(t);
  const long = (index: number): StreamName => streamName('desk', `${index}-${'ü'.repeat(100)}`);
  await Promise.all(Array.from({ length: 3_000 }, (_, index) => log.append(long(index), NO_STREAM, [newFact()])));
  for (let round = 0; round < 50; round += 1) await log.append(DESK, round * 500 - 1, newFacts(500));
  await seal(log, publishedFor(t));
  const sizes = (store.streams.get(CHECKPOINTS) ?? []).map(({ data }) => Buffer.byteLength(JSON.stringify(data)));
  t.ok(Math.max(...sizes) < 256 * 1024, String(Math.max(...sizes)));
  t.match(await audit(log), { faults: 0, unsealed: 0, checkpoints: 9, facts: 28_009 });
});

t.test('only one broker signs at a time; when it ends the next one goes on where it stopped', async (t) => {
  const { log, broker, reach, checkpoints } = setUp(t);
  const [one, other] = [broker(), broker()];
  one.start();
  other.start();
  await log.append(DESK, NO_STREAM, newFacts(2));
  await reach(1);
  await log.append(DESK, 1, newFacts(2));
  await one.stop();
  t.equal(checkpoints().length, 2);
  await log.append(DESK, 3, newFacts(2));
  await reach(3);
  await other.stop();
  t.match(await audit(log), { faults: 0, unsealed: 0 });
});

t.test('when the lock is lost the term ends, and nothing is signed until it is held again', async (t) => {
  const { log, broker, pass, reach, checkpoints, locks } = setUp(t);
  const taken: Lock[] = [];
  const take = locks.take.bind(locks);
  Object.assign(locks, {
    async take(name: string) {
      const lock = await take(name);
      if (lock !== undefined) taken.push(lock);
      return lock;
    },
  });
  const sealing = broker();
  sealing.start();
  await pass(10 * SECOND);
  await taken[0]?.release();
  const foreign = await take('checkpoints');
  await log.append(DESK, NO_STREAM, newFacts(2));
  await pass(2 * MINUTE);
  t.equal(checkpoints().length, 0);
  await foreign?.release();
  await reach(1);
  await sealing.stop();
});

t.test('after a fault, or when somebody else has signed, it begins again from what is in the log', async (t) => {
  let faults = 0;
  const { log, broker, reach, said, file } = setUp(t, (sound) => ({
    ...sound,
    async append(stream, ...rest) {
      if (stream === CHECKPOINTS && faults-- > 0) throw new LogFault('The disk is full.');
      return sound.append(stream, ...rest);
    },
  }));
  const sealing = broker();
  sealing.start();
  faults = 2;
  await log.append(DESK, NO_STREAM, newFacts(2));
  await reach(1);
  await until('it is said', () => said.length === 2);
  t.same(said, [NOT_SIGNED, SIGNED_AGAIN], 'whatever the tries in between');
  await log.append(DESK, 1, newFacts(2));
  await seal(log, publishedIn(file));
  await log.append(DESK, 3, newFacts(2));
  await reach(3);
  await until('it is said', () => said.length === 4);
  t.same(said.slice(2), [NOT_SIGNED, SIGNED_AGAIN]);
  faults = 1;
  await log.append(DESK, 5, newFacts(2));
  await sealing.stop();
  t.equal(said.length, 5, 'what could not be sealed at the end is said, and left to the next broker');
  t.match(await audit(log), { faults: 0, unsealed: 2 });
});

t.test('a log that is not the one that was sealed is not sealed any further', async (t) => {
  const tampering: readonly [string, RegExp, (ground: ReturnType<typeof setUp>) => unknown][] = [
    ['cut off', /The log ends before checkpoint 1, which this broker has signed\./, ({ store }) => store.streams.get(CHECKPOINTS)?.pop()],
    ['empty', /The log ends before checkpoint 1/, ({ store }) => store.streams.clear()],
    ['another', /Checkpoint 1 in the log is another than the one that this broker has signed\./, replaceCheckpoint],
    [
      'without the last sealed fact',
      /The last fact that checkpoint 1 seals, desk-1 at revision 3, is gone\./,
      ({ store }) => store.streams.delete(DESK),
    ],
    ['with a checkpoint that is none', /The last checkpoint in the log cannot be read\./, spoilCheckpoint],
  ];
  for (const [name, message, tamper] of tampering) {
    await t.test(name, async (t) => {
      const ground = setUp(t);
      await sealTwice(ground);
      await tamper(ground);
      const before = ground.checkpoints().length;
      const sealing = ground.broker();
      sealing.start();
      await until('the complaint', () => ground.said.length > 0);
      await ground.pass(2 * MINUTE);
      await sealing.stop();
      t.equal(ground.checkpoints().length, before);
      t.equal(ground.said.length, 1);
      t.match(ground.said[0], message);
    });
  }
});

/** Two checkpoints over four facts. */
async function sealTwice({ log, file }: ReturnType<typeof setUp>): Promise<void> {
  await log.append(DESK, NO_STREAM, newFacts(2));
  await seal(log, publishedIn(file));
  await log.append(DESK, 1, newFacts(2));
  await seal(log, publishedIn(file));
}

function replaceCheckpoint({ store }: ReturnType<typeof setUp>): void {
  const facts = store.streams.get(CHECKPOINTS) ?? [];
  const [first, second] = facts as [RecordedFact, RecordedFact];
  facts[1] = { ...second, data: { ...second.data, jws: (first.data as { jws: string }).jws } };
}

function spoilCheckpoint({ store }: ReturnType<typeof setUp>): void {
  const facts = store.streams.get(CHECKPOINTS) ?? [];
  facts[1] = { ...(facts[1] as RecordedFact), data: { number: 'one' } };
}

t.test('a file of evidence that cannot be read is said, not written over, and tried again', async (t) => {
  const { log, broker, reach, file, said } = setUp(t);
  await writeFile(file, '{"keys": "none"}');
  await log.append(DESK, NO_STREAM, newFacts(2));
  const sealing = broker();
  sealing.start();
  await until('the complaint', () => said.length > 0);
  t.equal(await readFile(file, 'utf8'), '{"keys": "none"}');
  t.match(said[0], 'Checkpoints are not signed at the moment');
  await writeFile(file, '{"keys": []}');
  await reach(1);
  await sealing.stop();
  t.match(await audit(log), { faults: 0, unsealed: 0 });
  t.equal((await log.readAll(LOG_START, 10)).length, 3);
});

/** A log that tells before each call, and after it; what it waits for then is up to the test. */
function watched(log: EventLog, pass: () => Promise<void>): EventLog {
  const around =
    <A extends unknown[], R>(call: (...parameters: A) => Promise<R>) =>
    async (...parameters: A): Promise<R> => {
      await pass();
      const answer = await call(...parameters);
      await pass();
      return answer;
    };
  return { ...log, append: around(log.append), readStream: around(log.readStream), head: around(log.head) };
}

/** Starts to seal two facts and stops at the moment of this number. Undefined when there are not so many. */
async function stopAt(t: Test, moment: number, atThatMoment: () => Promise<void>) {
  let moments = -Infinity;
  let stopped: Promise<void> | undefined;
  const ground = setUp(t, (sound) =>
    watched(sound, async () => {
      moments += 1;
      if (moments <= moment) return;
      stopped ??= sealing.stop();
      await atThatMoment();
    }),
  );
  await ground.log.append(DESK, NO_STREAM, newFacts(2));
  const sealing = ground.broker();
  moments = 0;
  sealing.start();
  for (let seconds = 0; seconds < 20 && stopped === undefined; seconds += 1) await ground.pass(SECOND);
  return stopped && { ...ground, stopped };
}

t.test('whoever stops it, at whichever moment, waits for nothing that does not come', async (t) => {
  let moment = 0;
  for (let isThere = true; isThere; moment += 1) {
    await t.test(`moment ${moment}`, async (t) => {
      const ground = await stopAt(t, moment, async () => undefined);
      isThere = ground !== undefined;
      await ground?.stopped;
      if (ground !== undefined) t.match(await audit(ground.log), { faults: 0 });
    });
  }
  t.ok(moment > 4, `${moment} moments`);
});

t.test('where the log answers no more, it ends within five seconds', async (t) => {
  for (const moment of [0, 1, 2, 3]) {
    await t.test(`moment ${moment}`, async (t) => {
      const ground = await stopAt(t, moment, () => new Promise(() => undefined));
      let isOver = false;
      void ground?.stopped.then(() => {
        isOver = true;
      });
      await ground?.pass(5 * SECOND);
      t.ok(isOver);
    });
  }
});

t.test('a lock that nobody answers for holds up no end', async (t) => {
  const { broker, locks, pass } = setUp(t);
  locks.take = () => new Promise(() => undefined);
  const sealing = broker();
  sealing.start();
  const stopped = sealing.stop();
  await pass(5 * SECOND);
  await stopped;
});

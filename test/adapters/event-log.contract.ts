/** What every log promises, whatever it is stored in. Positions only grow: nothing here takes them for a count. */
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { LOG_START, type NewFact, NO_STREAM, type Position, type RecordedFact } from '../../domain/facts.ts';
import { factId, type StreamName, streamName } from '../../domain/ids.ts';
import { type Appended, type EventLog, LogBusyError, LogFault } from '../../domain/ports/event-log.ts';
import { newFact, newFacts } from '../helpers/new-facts.ts';

export interface OpenLog {
  readonly log: EventLog;
  /** Closes the log and opens it again on what it stored. */
  reopen(): Promise<EventLog>;
  /** It gives facts hashes of its own. */
  readonly chains?: true;
}

type Open = (t: Test) => Promise<OpenLog>;

const DESK = streamName('desk', '1');
const CHAIR = streamName('chair', '1');

export async function eventLogContract(t: Test, name: string, open: Open): Promise<void> {
  await t.test(`${name}: appending`, (t) => appending(t, open));
  await t.test(`${name}: retrying`, (t) => retrying(t, open));
  await t.test(`${name}: refusing`, (t) => refusing(t, open));
  await t.test(`${name}: reading`, (t) => reading(t, open));
  await t.test(`${name}: following`, (t) => following(t, open));
  await t.test(`${name}: removing`, (t) => removing(t, open));
  await t.test(`${name}: ending`, (t) => ending(t, open));
}

async function appending(t: Test, open: Open): Promise<void> {
  t.test('a stream grows from NO_STREAM on, one revision a fact', async (t) => {
    const { log } = await open(t);
    t.equal(await log.head(), LOG_START);
    const first = await append(log, DESK, NO_STREAM, newFacts(3));
    const second = await append(log, DESK, 2, newFacts(1));
    t.equal(first.revision, 2);
    t.equal(second.revision, 3);
    t.ok(second.position > first.position);
    t.equal(await log.head(), second.position);
    t.equal(log.known(), second.position);
  });

  t.test('an append at another revision than the actual one writes nothing and is told the actual one', async (t) => {
    const { log } = await open(t);
    t.same(await log.append(DESK, 0, newFacts(1)), { outcome: 'conflict', actualRevision: NO_STREAM });
    const { position } = await append(log, DESK, NO_STREAM, newFacts(2));
    for (const wrong of [NO_STREAM, 0, 2, 99]) {
      t.same(await log.append(DESK, wrong, newFacts(2)), { outcome: 'conflict', actualRevision: 1 }, `at ${wrong}`);
    }
    t.equal(await log.head(), position);
    t.equal((await log.readStream(DESK, 0, 10)).length, 2);
  });

  t.test('two appends to one stream under way together are judged in their order', async (t) => {
    const { log } = await open(t);
    const outcomes = await Promise.all([
      log.append(DESK, NO_STREAM, newFacts(2)),
      log.append(DESK, NO_STREAM, newFacts(1)),
      log.append(DESK, 1, newFacts(1)),
      log.append(CHAIR, NO_STREAM, newFacts(1)),
    ]);
    t.match(outcomes, [
      { outcome: 'appended', revision: 1 },
      { outcome: 'conflict', actualRevision: Number },
      { outcome: 'appended', revision: 2 },
      { outcome: 'appended', revision: 0 },
    ]);
  });

  t.test('of twenty racers for one revision, one wins', async (t) => {
    const { log } = await open(t);
    await append(log, DESK, NO_STREAM, newFacts(1));
    const racers = newFacts(20);
    const outcomes = await Promise.all(racers.map((fact) => log.append(DESK, 0, [fact])));
    const winners = racers.filter((_, index) => outcomes[index]?.outcome === 'appended');
    t.equal(winners.length, 1);
    t.same(ids(await log.readStream(DESK, 1, 10)), ids(winners));
  });

  t.test('the facts of one append stand together, in order, among those of other streams', async (t) => {
    const { log } = await open(t);
    const batches = Array.from({ length: 30 }, () => newFacts(7));
    await Promise.all(batches.map((facts, index) => log.append(streamName('desk', `${index}`), NO_STREAM, facts)));
    const all = await log.readAll(LOG_START, 1000);
    t.equal(all.length, 210);
    for (const [index, facts] of batches.entries()) {
      const start = all.findIndex((fact) => fact.id === facts[0]?.id);
      t.same(ids(all.slice(start, start + 7)), ids(facts), `batch ${index}`);
    }
    t.ok(growing(all.map((fact) => fact.position)));
  });
}

async function retrying(t: Test, open: Open): Promise<void> {
  t.test('the same facts at the same revision again are answered as the first time, and not written', async (t) => {
    const { log, reopen } = await open(t);
    const facts = newFacts(3);
    const first = await append(log, DESK, NO_STREAM, facts);
    await append(log, DESK, 2, newFacts(2));
    t.same(await log.append(DESK, NO_STREAM, facts), first);
    const again = await reopen();
    t.same(await again.append(DESK, NO_STREAM, facts), first, 'after opening the log again');
    t.equal((await again.readAll(LOG_START, 100)).length, 5);
  });

  t.test('a retry that is under way together with the first try is the same append', async (t) => {
    const { log } = await open(t);
    const facts = newFacts(2);
    const [first, second] = await Promise.all([log.append(DESK, NO_STREAM, facts), log.append(DESK, NO_STREAM, facts)]);
    t.match(first, { outcome: 'appended', revision: 1 });
    t.same(second, first);
    t.equal((await log.readStream(DESK, 0, 10)).length, 2);
  });

  t.test('the beginning of an append is there already, with its own revision and position', async (t) => {
    const { log } = await open(t);
    const facts = newFacts(3);
    await append(log, DESK, NO_STREAM, facts);
    const [, second] = await log.readStream(DESK, 0, 3);
    t.same(await log.append(DESK, NO_STREAM, facts.slice(0, 2)), { outcome: 'appended', revision: 1, position: second?.position });
  });

  t.test('what differs from the first append in any fact is a conflict', async (t) => {
    const { log } = await open(t);
    const facts = newFacts(3);
    await append(log, DESK, NO_STREAM, facts);
    await append(log, CHAIR, NO_STREAM, newFacts(4));
    const conflict = { outcome: 'conflict', actualRevision: 2 };
    t.same(await log.append(DESK, NO_STREAM, [...facts, newFact()]), conflict, 'one fact more');
    t.same(await log.append(DESK, NO_STREAM, facts.toReversed()), conflict, 'another order');
    t.same(await log.append(DESK, 0, facts.slice(0, 2)), conflict, 'another revision');
    t.same(await log.append(DESK, NO_STREAM, [...facts.slice(0, 2), newFact()]), conflict, 'another last fact');
    t.match(await log.append(CHAIR, NO_STREAM, facts), { outcome: 'conflict', actualRevision: 3 }, 'another stream');
  });
}

async function refusing(t: Test, open: Open): Promise<void> {
  t.test('what no log could store is refused by a sentence, and nothing is written', async (t) => {
    const { log } = await open(t);
    const circle: { self?: object } = {};
    circle.self = circle;
    const wrong: readonly [string, StreamName, number, readonly NewFact[]][] = [
      ['no facts', DESK, NO_STREAM, []],
      ['too many facts', DESK, NO_STREAM, newFacts(501)],
      ['a circle', DESK, NO_STREAM, [newFact(), newFact(circle)]],
      ['a bigint', DESK, NO_STREAM, [newFact({ size: 1n })]],
      ['data that is not an object in JSON', DESK, NO_STREAM, [newFact(new Date(0))]],
      ['data that is a function', DESK, NO_STREAM, [newFact(() => 1)]],
      ['no name', '' as StreamName, NO_STREAM, newFacts(1)],
      ['half a character in the name', 'desk-\ud800' as StreamName, NO_STREAM, newFacts(1)],
      ['an empty type', DESK, NO_STREAM, [{ ...newFact(), type: '' }]],
      ['half a character in the type', DESK, NO_STREAM, [{ ...newFact(), type: 'desk.\udc00moved' }]],
      ['an id that is no UUID', DESK, NO_STREAM, [{ ...newFact(), id: factId('first') }]],
      ['an id in capital letters', DESK, NO_STREAM, [{ ...newFact(), id: factId('8B9F0A4E-0000-4000-8000-00000000000A') }]],
      ['half a revision', DESK, 0.5, newFacts(1)],
      ['a revision before the first', DESK, -2, newFacts(1)],
      ['no time', DESK, NO_STREAM, [{ ...newFact(), time: Number.NaN }]],
      ['a hash that is no text', DESK, NO_STREAM, [{ ...newFact(), hash: 7 } as unknown as NewFact]],
      ['no type', DESK, NO_STREAM, [{ ...newFact(), type: undefined } as unknown as NewFact]],
    ];
    for (const [fault, stream, revision, facts] of wrong) {
      await t.rejects(log.append(stream, revision, facts), TypeError, fault);
    }
    t.equal(await log.head(), LOG_START);
  });

  t.test('under a flood every append is either stored or turned away as busy, and afterwards the log goes on', async (t) => {
    const { log } = await open(t);
    const batches = Array.from({ length: 40 }, () => newFacts(500));
    const outcomes = await Promise.allSettled(batches.map((facts, index) => log.append(streamName('desk', `${index}`), NO_STREAM, facts)));
    for (const [index, outcome] of outcomes.entries()) {
      const stored = await log.readStream(streamName('desk', `${index}`), 0, 500);
      if (outcome.status === 'fulfilled') {
        t.equal(stored.length, 500);
      } else {
        t.ok(outcome.reason instanceof LogBusyError, outcome.reason.message);
        t.equal(stored.length, 0);
      }
    }
    await append(log, CHAIR, NO_STREAM, newFacts(500));
  });
}

async function reading(t: Test, open: Open): Promise<void> {
  t.test('facts come back as they were given, and live as from the disk', async (t) => {
    const { log, reopen, chains } = await open(t);
    const data = {
      text: 'snö ❄ 雪 \u0000 \ud800 "\\\n',
      numbers: [0, -1, 0.1, 1e21, 1e-9, 5e-324, Number.MAX_SAFE_INTEGER, 2 ** 53 + 2],
      nested: { list: [[], [{}], null, true], '': 'no name' },
      dropped: undefined,
      time: new Date(0),
    };
    const fact = { ...newFact(data), type: 'desk.ümläut', cause: { kind: 'operator', id: 'Åsa "root"' } } as const;
    const { position } = await append(log, DESK, NO_STREAM, [fact]);
    const [{ hash } = {}] = await log.readAll(LOG_START, 1);
    const own = chains ? { hash } : {};
    const expected = [{ ...fact, data: JSON.parse(JSON.stringify(data)), stream: DESK, revision: 0, position, ...own }];
    t.strictSame(await log.readAll(LOG_START, 1), expected);
    t.strictSame(await collect(log, LOG_START, 1), expected);
    const again = await reopen();
    t.strictSame(await again.readStream(DESK, 0, 1), expected, 'after opening the log again');
    t.strictSame(await collect(again, LOG_START, 1), expected);
  });

  t.test('a hash comes back as it was given, and is absent where none was given', async (t) => {
    const { log, reopen, chains } = await open(t);
    const hash = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg';
    await append(log, DESK, NO_STREAM, [newFact(), { ...newFact(), hash }]);
    const stored = (await log.readAll(LOG_START, 2)).map((fact) => fact.hash);
    const expected = chains ? stored : [undefined, hash];
    t.same(
      (await collect(log, LOG_START, 2)).map(({ hash }) => hash),
      expected,
    );
    t.same(
      (await (await reopen()).readStream(DESK, 0, 2)).map(({ hash }) => hash),
      expected,
      'after opening the log again',
    );
  });

  t.test('changing an object after its append changes nothing', async (t) => {
    const { log } = await open(t);
    const data = { colour: 'red' };
    const appended = log.append(DESK, NO_STREAM, [newFact(data)]);
    data.colour = 'blue';
    await appended;
    t.match(await log.readAll(LOG_START, 1), [{ data: { colour: 'red' } }]);
    t.match(await collect(log, LOG_START, 1), [{ data: { colour: 'red' } }]);
  });

  t.test('a stream is read in pages', async (t) => {
    const { log } = await open(t);
    const facts = newFacts(5);
    await append(log, DESK, NO_STREAM, facts);
    await append(log, CHAIR, NO_STREAM, newFacts(5));
    t.same(ids(await log.readStream(DESK, 0, 2)), ids(facts.slice(0, 2)));
    t.same(ids(await log.readStream(DESK, 2, 2)), ids(facts.slice(2, 4)));
    t.same(ids(await log.readStream(DESK, 4, 2)), ids(facts.slice(4)));
    t.same(await log.readStream(DESK, 5, 2), []);
    t.same(await log.readStream(streamName('desk', 'unknown'), 0, 2), []);
  });

  t.test('the whole log is read in pages, each behind the last position of the one before', async (t) => {
    const { log } = await open(t);
    const facts = newFacts(25);
    for (const [index, fact] of facts.entries()) {
      await append(log, streamName('desk', `${index % 4}`), Math.floor(index / 4) - 1, [fact]);
    }
    const pages: RecordedFact[][] = [];
    let page = await log.readAll(LOG_START, 10);
    while (page.length > 0) {
      pages.push([...page]);
      page = await log.readAll(lastPosition(page), 10);
    }
    t.same(
      pages.map((page) => page.length),
      [10, 10, 5],
    );
    t.same(ids(pages.flat()), ids(facts));
    t.equal(lastPosition(pages.flat()), await log.head());
  });
}

async function following(t: Test, open: Open): Promise<void> {
  t.test('from the past into the present nothing is lost and nothing comes twice, while ten writers go on', async (t) => {
    const { log } = await open(t);
    const write = async (writer: number) => {
      for (let round = 0; round < 60; round += 1) {
        await append(log, streamName('desk', `${writer}`), round * 5 - 1, newFacts(5));
      }
    };
    const writing = Promise.all(Array.from({ length: 10 }, (_, writer) => write(writer)));
    const followers: Promise<RecordedFact[]>[] = [];
    for (let follower = 0; follower < 5; follower += 1) {
      followers.push(collect(log, LOG_START, 3000));
      await sleep(15);
    }
    await writing;
    followers.push(collect(log, LOG_START, 3000));
    const expected = ids(await log.readAll(LOG_START, 4000));
    t.equal(expected.length, 3000);
    for (const seen of await Promise.all(followers)) {
      t.same(ids(seen), expected);
    }
  });

  t.test('deliveries hold 1 to 500 facts, begin behind the position asked for, and never overlap', async (t) => {
    const { log } = await open(t);
    const first = await append(log, DESK, NO_STREAM, newFacts(10));
    await append(log, CHAIR, NO_STREAM, newFacts(500));
    await append(log, CHAIR, 499, newFacts(500));
    const sizes: number[] = [];
    let underWay = 0;
    const all = await collect(log, first.position, 1000, async (facts) => {
      t.equal(underWay, 0);
      underWay += 1;
      sizes.push(facts.length);
      await sleep(5);
      underWay -= 1;
    });
    t.ok(all.every((fact) => fact.stream === CHAIR));
    t.ok(sizes.every((size) => size >= 1 && size <= 500));
  });

  t.test('what is acknowledged is in a subscription at once, before anything later', async (t) => {
    const { log } = await open(t);
    const seen: RecordedFact[] = [];
    const subscription = log.subscribe(LOG_START, async (facts) => void seen.push(...facts), t.fail);
    for (let round = 0; round < 20; round += 1) {
      await append(log, DESK, round - 1, newFacts(1));
      await until(() => seen.length === round + 1);
    }
    await subscription.stop();
    await append(log, DESK, 19, newFacts(1));
    await sleep(10);
    t.equal(seen.length, 20, 'and nothing comes after the end');
  });

  t.test('a slow subscriber holds up neither the writers nor the others, and misses nothing', async (t) => {
    const { log } = await open(t);
    const gate = createGate();
    const slow = collect(log, LOG_START, 6000, () => gate.opened);
    const fast = collect(log, LOG_START, 6000);
    for (let round = 0; round < 12; round += 1) {
      await append(log, DESK, round * 500 - 1, newFacts(500));
    }
    const expected = ids(await fast);
    gate.open();
    t.same(ids(await slow), expected);
  });

  t.test('when a delivery fails the subscriber is told once, and it is over', async (t) => {
    const { log } = await open(t);
    const errors: unknown[] = [];
    let deliveries = 0;
    const fail = (reason: unknown) => {
      const deliver = async () => {
        deliveries += 1;
        throw reason;
      };
      return log.subscribe(LOG_START, deliver, (error) => errors.push(error));
    };
    const broken = new Error('The table is gone.');
    const subscriptions = [fail(broken), fail('no error at all')];
    await append(log, DESK, NO_STREAM, newFacts(1));
    await until(() => errors.length === 2);
    await append(log, DESK, 0, newFacts(1));
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
    t.same(errors, [broken, new Error('no error at all')]);
    t.equal(deliveries, 2);
  });

  t.test('stopping waits for the delivery under way', async (t) => {
    const { log } = await open(t);
    const gate = createGate();
    let state = 'waiting';
    const deliver = async () => {
      state = 'under way';
      await gate.opened;
      state = 'done';
    };
    const subscription = log.subscribe(LOG_START, deliver, t.fail);
    await append(log, DESK, NO_STREAM, newFacts(1));
    await until(() => state === 'under way');
    const stopped = subscription.stop();
    await append(log, DESK, 0, newFacts(1));
    t.equal(await Promise.race([stopped.then(() => 'stopped'), sleep(30, 'not yet')]), 'not yet');
    gate.open();
    await stopped;
    t.equal(state, 'done');
    await subscription.stop();
  });

  t.test('no delivery begins once a subscription is told to stop', async (t) => {
    const { log } = await open(t);
    await append(log, DESK, NO_STREAM, newFacts(20));
    for (let turns = 0; turns < 10; turns += 1) {
      let stopped = false;
      const subscription = log.subscribe(LOG_START, async () => void t.notOk(stopped), t.fail);
      for (let turn = 0; turn < turns; turn += 1) {
        await Promise.resolve();
      }
      stopped = true;
      await subscription.stop();
    }
  });
}

async function removing(t: Test, open: Open): Promise<void> {
  t.test('facts that were taken out are read no more, and their stream goes on where it stood', async (t) => {
    const { log, reopen } = await open(t);
    await append(log, DESK, NO_STREAM, newFacts(3));
    t.equal((await log.removalNotes()).size, 0);
    const others = newFacts(2);
    const { position } = await append(log, CHAIR, NO_STREAM, others);
    t.equal(await log.removal(DESK), undefined);
    const hash = await hashOf(log, DESK, 2);
    t.equal(await takeOut(log, DESK, 2, 'box 1'), true);
    for (const open of [async () => log, reopen]) {
      const each = await open();
      t.same(await each.readStream(DESK, 0, 10), []);
      t.same(ids(await each.readStream(CHAIR, 0, 10)), ids(others));
      t.equal(await each.head(), position);
      t.same(await each.removal(DESK), { revision: 2, hash, note: 'box 1' });
      t.equal(await each.removal(CHAIR), undefined);
      t.same([...(await each.removalNotes())], [['box 1', 1]]);
      for (const wrong of [NO_STREAM, 0, 1, 3]) {
        t.match(await each.append(DESK, wrong, newFacts(1)), { outcome: 'conflict', actualRevision: 2 }, `at ${wrong}`);
      }
    }
    const again = await reopen();
    const later = newFacts(2);
    t.match(await again.append(DESK, 2, later), { outcome: 'appended', revision: 4 });
    t.match(await (await reopen()).append(DESK, 4, newFacts(1)), { outcome: 'appended', revision: 5 });
    const last = await reopen();
    t.same(
      (await last.readStream(DESK, 0, 10)).map(({ revision }) => revision),
      [3, 4, 5],
    );
    t.same(ids(await last.readStream(DESK, 3, 2)), ids(later));
    t.same(ids((await last.readAll(position, 10)).slice(0, 2)), ids(later));
    await append(last, CHAIR, 1, newFacts(1));
    t.equal(await takeOut(last, DESK, 5, 'box 2'), true);
    t.match(await last.removal(DESK), { revision: 5, note: 'box 2' });
    t.same([...(await last.removalNotes())], [['box 2', 1]]);
  });

  t.test('only a stream that stands where it is said to is taken out, and doing it again changes nothing', async (t) => {
    const { log } = await open(t);
    await append(log, DESK, NO_STREAM, newFacts(3));
    await append(log, CHAIR, NO_STREAM, newFacts(1));
    for (const wrong of [NO_STREAM, 0, 1, 3]) t.equal(await takeOut(log, DESK, wrong, 'box 1'), false, `at ${wrong}`);
    t.equal(await takeOut(log, streamName('desk', 'unknown'), 0, 'box 1'), false);
    t.equal(await takeOut(log, streamName('desk', 'unknown'), NO_STREAM, 'box 1'), false);
    t.equal((await log.readStream(DESK, 0, 10)).length, 3);
    t.equal(await takeOut(log, CHAIR, 0, 'box 1'), false, 'the newest fact of all stays');
    t.same(await Promise.all([takeOut(log, DESK, 2, 'box 1'), takeOut(log, DESK, 2, 'box 1')]), [true, true]);
    t.equal(await takeOut(log, DESK, 2, 'box 1'), true);
    await append(log, DESK, 2, newFacts(1));
    await append(log, CHAIR, 0, newFacts(1));
    t.equal(await takeOut(log, DESK, 2, 'box 1'), false, 'it has gone on');
    t.equal((await log.readStream(DESK, 0, 10)).length, 1);
  });

  t.test('many streams leave while others are written to', async (t) => {
    const { log } = await open(t);
    const streams = Array.from({ length: 250 }, (_, index) => streamName('desk', `${index}`));
    await Promise.all(streams.map((stream) => log.append(stream, NO_STREAM, newFacts(3))));
    const chairs = newFacts(100);
    const writing = (async () => {
      for (const [index, fact] of chairs.entries()) await append(log, CHAIR, index - 1, [fact]);
    })();
    await append(log, streamName('chair', '2'), NO_STREAM, newFacts(1));
    const removed = await Promise.all(streams.map((stream, index) => takeOut(log, stream, 2, `box ${index % 3}`)));
    await writing;
    t.ok(removed.every((isDone) => isDone));
    t.same(ids(await log.readStream(CHAIR, 0, 500)), ids(chairs));
    t.same((await Promise.all(streams.map((stream) => log.readStream(stream, 0, 1)))).flat(), []);
    t.match(await log.removal(streamName('desk', '7')), { revision: 2, note: 'box 1' });
    const notes = await log.removalNotes();
    t.same([...notes].toSorted(), [
      ['box 0', 84],
      ['box 1', 83],
      ['box 2', 83],
    ]);
  });
}

async function ending(t: Test, open: Open): Promise<void> {
  t.test('closing waits for the appends under way and ends the subscriptions', async (t) => {
    const { log, reopen } = await open(t);
    const subscription = log.subscribe(LOG_START, async () => {}, t.fail);
    const appends = Array.from({ length: 50 }, (_, index) => log.append(streamName('desk', `${index}`), NO_STREAM, newFacts(20)));
    const closed = log.close();
    t.ok((await Promise.all(appends)).every(({ outcome }) => outcome === 'appended'));
    await closed;
    await subscription.stop();
    const again = await reopen();
    t.equal((await again.readAll(LOG_START, 2000)).length, 1000);
  });

  t.test('a closed log refuses everything, and may be closed again', async (t) => {
    const { log } = await open(t);
    await log.close();
    await log.close();
    await t.rejects(log.append(DESK, NO_STREAM, newFacts(1)), LogFault);
    await t.rejects(log.readStream(DESK, 0, 1), LogFault);
    await t.rejects(log.readAll(LOG_START, 1), LogFault);
    await t.rejects(log.remove(DESK, { revision: 0, hash: '', note: '' }), LogFault);
    await t.rejects(log.removal(DESK), LogFault);
    await t.rejects(log.removalNotes(), LogFault);
    await t.rejects(log.head(), LogFault);
    await t.rejects(collect(log, LOG_START, 1), LogFault);
  });
}

/** An append that is expected to succeed. */
async function append(log: EventLog, stream: StreamName, revision: number, facts: readonly NewFact[]) {
  const appended: Appended = await log.append(stream, revision, facts);
  if (appended.outcome === 'conflict') {
    throw new Error(`${stream} stands at ${appended.actualRevision}, not at ${revision}.`);
  }
  return appended;
}

/** Takes a stream out, as whoever keeps it elsewhere would. */
async function takeOut(log: EventLog, stream: StreamName, revision: number, note: string): Promise<boolean> {
  return log.remove(stream, { revision, hash: await hashOf(log, stream, revision), note });
}

async function hashOf(log: EventLog, stream: StreamName, revision: number): Promise<string> {
  const [fact] = revision === NO_STREAM ? [] : await log.readStream(stream, revision, 1);
  return fact?.hash ?? 'no hash';
}

/** The first `count` facts behind `after`, by a subscription of its own, which may be slowed down by `pause`. */
function collect(log: EventLog, after: Position, count: number, pause = async (_: readonly RecordedFact[]) => {}): Promise<RecordedFact[]> {
  const seen: RecordedFact[] = [];
  return new Promise((resolve, reject) => {
    const deliver = async (facts: readonly RecordedFact[]) => {
      await pause(facts);
      seen.push(...facts);
      if (seen.length >= count) {
        void subscription.stop().then(() => resolve(seen));
      }
    };
    const subscription = log.subscribe(after, deliver, reject);
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await sleep(1);
  }
}

function createGate(): { readonly opened: Promise<void>; open(): void } {
  const gate = new EventEmitter();
  return { opened: once(gate, 'open').then(() => undefined), open: () => void gate.emit('open') };
}

const ids = (facts: readonly { readonly id: string }[]) => facts.map((fact) => fact.id);
const lastPosition = (facts: readonly RecordedFact[]) => facts.at(-1)?.position ?? LOG_START;
const growing = (positions: readonly Position[]) =>
  positions.every((position, index) => index === 0 || position > Number(positions[index - 1]));

/** Lifting facts, with types of facts of the test's own. */
import fc from 'fast-check';
import t from 'tap';
import type { RecordedFact } from '../../domain/facts.ts';
import { factId, streamName } from '../../domain/ids.ts';
import { createLifting, StrangeFactError, type Upcaster } from '../../domain/upcasting.ts';
import { ORIGIN } from '../helpers/samples.ts';

/** Version 2 writes `height` in centimetres, version 3 says what it is a height of. */
const inCentimetres: Upcaster = (data) => ({ height: 100 * (data as { readonly height: number }).height });
const named: Upcaster = (data) => ({ top: data });

const { lift, versionOf } = createLifting({ 'desk.moved': [inCentimetres, named], 'desk.sold': [] });

const factOf = (type: string, schemaVersion: number, data: object = {}): RecordedFact => ({
  ...ORIGIN,
  type,
  data,
  schemaVersion,
  id: factId('one'),
  time: 0,
  stream: streamName('desk', '1'),
  revision: 3,
  position: 17,
});

t.test('a fact goes through every version between its own and the newest', async (t) => {
  t.same(lift(factOf('desk.moved', 1, { height: 2 })), factOf('desk.moved', 3, { top: { height: 200 } }));
  t.same(lift(factOf('desk.moved', 2, { height: 2 })), factOf('desk.moved', 3, { top: { height: 2 } }));
  t.equal(versionOf('desk.moved'), 3);
  t.equal(versionOf('desk.sold'), 1);
});

t.test('what has the newest shape is not touched, and lifting again changes nothing', async (t) => {
  const version = fc.integer({ min: 1, max: 3 });
  const property = fc.property(version, fc.nat(), (schemaVersion, height) => {
    const data = schemaVersion === 3 ? { top: { height } } : { height };
    const once = lift(factOf('desk.moved', schemaVersion, data));
    return lift(once) === once && once.schemaVersion === 3;
  });
  fc.assert(property);
  const sold = factOf('desk.sold', 1);
  t.equal(lift(sold), sold);
});

t.test('facts of a newer Berth are refused by a sentence that names them', async (t) => {
  const where = 'The fact at position 17 \\(desk-1\\) is';
  for (const version of [4, 0, -1]) {
    const sentence = new RegExp(
      `^${where} desk.moved in version ${version}, and this version of Berth knows it up to version 3\\. A newer`,
    );
    t.throws(() => lift(factOf('desk.moved', version)), { name: 'StrangeFactError', message: sentence });
  }
  t.throws(() => lift(factOf('desk.burnt', 1)), {
    message: new RegExp(`^${where} desk.burnt in version 1, and this version of Berth does not know this type\\. A newer`),
  });
  t.throws(() => lift(factOf('desk.sold', 2)), StrangeFactError);
});

t.test('facts about something of which nothing is known are left to those who know it', async (t) => {
  const chair = factOf('chair.moved', 7);
  t.equal(lift(chair), chair);
  t.equal(versionOf('chair.moved'), 1);
});

/** The queue against a naive reading of what it promises, and its order in plain cases. */
import fc from 'fast-check';
import t from 'tap';
import { sessionId } from '../../../domain/ids.ts';
import type { Waiting } from '../../../domain/placement/lines.ts';
import { createQueue } from '../../../domain/placement/queue.ts';
import { SEED } from '../../helpers/seed.ts';

/** Kind `g1a` is in group `g1`, which is in section `g`. */
const waiting = (id: string, kind = 'g1a', deadline = 0): Waiting => ({
  sessionId: sessionId(id),
  kind,
  group: kind.slice(0, 2),
  section: kind.slice(0, 1),
  deadline,
});

/** The groups in which somebody waits to be served. */
const groupsIn = (queue: ReturnType<typeof createQueue>, sections: readonly string[]): string[] => {
  const heads = queue.heads(sections);
  const found: string[] = [];
  for (let next = heads.next(); !next.done; next = heads.next()) found.push(next.value.group);
  return found;
};

t.test('who has waited longest comes first, across kinds and groups, among those that were chosen', async (t) => {
  const queue = createQueue();
  for (const [id, kind, deadline] of [
    ['late', 'g1a', 9],
    ['early', 'h1a', 1],
    ['second', 'g2a', 2],
    ['also second', 'g1b', 2],
    ['of no interest', 'g3a', 0],
  ] as const) {
    queue.add(waiting(id, kind, deadline));
  }
  t.same(groupsIn(queue, ['g', 'nowhere', 'h']), ['g1', 'g2', 'g3', 'h1']);
  for (const group of ['g1', 'g2', 'h1', 'h1', 'unknown']) queue.choose(group);
  const order: string[] = [];
  for (let next = queue.first(); next !== undefined; next = queue.first()) {
    order.push(next.sessionId);
    queue.remove(next.sessionId);
  }
  t.same(order, ['early', 'second', 'also second', 'late']);
  t.same(groupsIn(queue, ['g', 'h']), ['g3']);
  queue.choose('g3');
  queue.chooseNone();
  t.equal(queue.first(), undefined);
});

t.test('who comes while the groups are being walked past does no harm', async (t) => {
  const queue = createQueue();
  for (const id of ['a', 'b', 'c']) queue.add(waiting(id, `g${id}x`));
  const heads = queue.heads(['g']);
  t.equal(heads.next().value?.sessionId, 'a');
  queue.remove(sessionId('b'));
  queue.remove(sessionId('a'));
  queue.add(waiting('d', 'gdx'));
  t.equal(heads.next().value?.sessionId, 'c');
  t.equal(heads.next().value?.sessionId, 'd');
  t.ok(heads.next().done);
});

t.test('a request that comes back takes its old place', async (t) => {
  const queue = createQueue();
  for (const [index, id] of ['a', 'b', 'c'].entries()) queue.add(waiting(id, 'g1a', index));
  queue.choose('g1');
  queue.take(sessionId('a'));
  t.equal(queue.first()?.sessionId, 'b');
  t.ok(queue.has('g1a') && queue.holds(sessionId('a')) && queue.size === 3, 'it is in the queue all the time');
  queue.putBack(sessionId('a'));
  t.equal(queue.first(), undefined, 'its kind is passed over for now');
  t.ok(queue.countAgain());
  t.notOk(queue.countAgain());
  t.equal(queue.first()?.sessionId, 'a');
});

interface Known extends Waiting {
  readonly order: number;
  isTaken: boolean;
}

/** The same with a list that is searched from end to end. */
function createNaiveQueue() {
  const known: Known[] = [];
  const passedOver = new Set<string>();
  const chosen = new Set<string>();
  let came = 0;
  const find = (id: string) => known.find(({ sessionId }) => sessionId === id);
  const free = () => known.filter(({ isTaken }) => !isTaken).sort((a, b) => a.deadline - b.deadline || a.order - b.order);
  const counting = () => free().filter(({ kind }) => !passedOver.has(kind));
  return {
    add(one: Waiting) {
      came += 1;
      if (find(one.sessionId) === undefined) known.push({ ...one, order: came, isTaken: false });
    },
    remove(id: string) {
      known.splice(0, known.length, ...known.filter(({ sessionId }) => sessionId !== id));
    },
    take(id: string) {
      for (const one of known) if (one.sessionId === id) one.isTaken = true;
    },
    putBack(id: string) {
      const one = find(id);
      if (!one?.isTaken) return;
      one.isTaken = false;
      passedOver.add(one.kind);
    },
    choose: (group: string) => void chosen.add(group),
    passOver: (kind: string) => void passedOver.add(kind),
    beginAgain() {
      passedOver.clear();
      chosen.clear();
    },
    look: () => ({
      first: counting().find(({ group }) => chosen.has(group))?.sessionId,
      groups: SECTIONS.map((sections) =>
        [...new Set(counting().flatMap((one) => (sections.includes(one.section) ? [one.group] : [])))].sort(),
      ),
      size: known.length,
      next: free()[0]?.deadline,
      due: free().find(({ deadline }) => deadline <= 1)?.sessionId,
      has: KINDS.map((kind) => known.some((one) => one.kind === kind)),
    }),
  };
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const KINDS = ['g1a', 'g1b', 'g2a', 'h1a', 'h1b'];
const SECTIONS = [['g'], ['h'], ['g', 'h', 'i']];

/** One thing that is done to both queues. */
type Act = (queue: ReturnType<typeof createQueue>, naive: ReturnType<typeof createNaiveQueue>) => void;

const beginAgain: Act = (queue, naive) => {
  naive.beginAgain();
  queue.chooseNone();
  while (queue.countAgain());
};

const ACTS: Readonly<Record<string, (id: string, kind: string, deadline: number) => Act>> = {
  /** All begins again first: what became of an empty kind that was passed over, or of an empty group that was chosen, is nobody's promise. */
  add: (id, kind, deadline) => (queue, naive) => {
    beginAgain(queue, naive);
    queue.add(waiting(id, kind, deadline));
    naive.add(waiting(id, kind, deadline));
  },
  remove: (id) => (queue, naive) => {
    queue.remove(sessionId(id));
    naive.remove(id);
  },
  take: (id) => (queue, naive) => {
    queue.take(sessionId(id));
    naive.take(id);
  },
  'put back': (id) => (queue, naive) => {
    queue.putBack(sessionId(id));
    naive.putBack(id);
  },
  'pass over': (_, kind) => (queue, naive) => {
    queue.passOver(kind);
    naive.passOver(kind);
  },
  choose: (_, kind) => (queue, naive) => {
    queue.choose(kind.slice(0, 2));
    naive.choose(kind.slice(0, 2));
  },
  'begin again': () => beginAgain,
};

t.test('whatever happens, the queue finds whom a naive one finds', async (t) => {
  const story = fc.array(
    fc.tuple(fc.constantFrom('add', 'choose', ...Object.keys(ACTS)), fc.constantFrom(...IDS), fc.constantFrom(...KINDS), fc.nat(3)),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(story, (acts) => {
      const queue = createQueue();
      const naive = createNaiveQueue();
      for (const [act, id, kind, deadline] of acts) {
        ACTS[act]?.(id, kind, deadline)(queue, naive);
        const seen = {
          first: queue.first()?.sessionId,
          groups: SECTIONS.map((sections) => groupsIn(queue, sections).sort()),
          size: queue.size,
          next: queue.nextDeadline(),
          due: queue.due(1)?.sessionId,
          has: KINDS.map(queue.has),
        };
        t.same(seen, naive.look());
      }
    }),
    { numRuns: 300, seed: SEED },
  );
});

/** Comparisons for each of so many that come and then leave at their deadlines. */
function comparisonsEach(count: number, kindOf: (number: number) => string): number {
  let looks = 0;
  const counted = (number: number): Waiting => ({
    ...waiting(`s${number}`, kindOf(number)),
    get deadline() {
      looks += 1;
      return number;
    },
  });
  const queue = createQueue();
  for (let number = 0; number < count; number += 1) queue.add(counted(number));
  for (let now = queue.nextDeadline(); now !== undefined; now = queue.nextDeadline()) {
    queue.remove(queue.due(now)?.sessionId ?? sessionId(''));
  }
  return looks / count;
}

t.test('ten times as many, of one kind, of many kinds or of many groups, cost each hardly more', async (t) => {
  const character = (number: number): string => String.fromCharCode(0x4e00 + number);
  for (const [what, kindOf] of [
    ['one kind', () => 'g1a'],
    ['many kinds', (number: number) => `g1${number}`],
    ['many groups', (number: number) => `${character(number % 1_000)}${character(number / 5)}`],
  ] as const) {
    const [few, many] = [comparisonsEach(2_000, kindOf), comparisonsEach(20_000, kindOf)];
    t.ok(many < 2 * few, `${what}: ${few} comparisons among 2000, ${many} among 20000`);
  }
});

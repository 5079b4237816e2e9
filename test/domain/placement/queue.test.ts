/** The queue against a naive reading of what it promises, and its order in plain cases. */
import fc from 'fast-check';
import t from 'tap';
import { sessionId } from '../../../domain/ids.ts';
import type { Waiting } from '../../../domain/placement/lines.ts';
import { createQueue } from '../../../domain/placement/queue.ts';

/** Kind `g1a` is in group `g1`, which is in section `g`. */
const waiting = (id: string, kind = 'g1a', deadline = 0): Waiting => ({
  sessionId: sessionId(id),
  kind,
  group: kind.slice(0, 2),
  section: kind.slice(0, 1),
  deadline,
});

t.test('who has waited longest comes first, across kinds, groups and sections', async (t) => {
  const queue = createQueue();
  for (const [id, kind, deadline] of [
    ['late', 'g1a', 9],
    ['early', 'h1a', 1],
    ['second', 'g2a', 2],
    ['also second', 'g1b', 2],
  ] as const) {
    queue.add(waiting(id, kind, deadline));
  }
  const order: string[] = [];
  for (let next = queue.first(['g', 'h', 'nobody']); next !== undefined; next = queue.first(['g', 'h', 'nobody'])) {
    order.push(next.sessionId);
    queue.remove(next.sessionId);
  }
  t.same(order, ['early', 'second', 'also second', 'late']);
  t.equal(queue.size, 0);
});

t.test('a request that comes back takes its old place', async (t) => {
  const queue = createQueue();
  for (const [index, id] of ['a', 'b', 'c'].entries()) queue.add(waiting(id, 'g1a', index));
  queue.take(sessionId('a'));
  t.equal(queue.first(['g'])?.sessionId, 'b');
  t.ok(queue.has('g1a') && queue.holds(sessionId('a')) && queue.size === 3, 'it is in the queue all the time');
  queue.putBack(sessionId('a'));
  t.equal(queue.first(['g']), undefined, 'its kind is passed over for now');
  t.ok(queue.countAgain());
  t.notOk(queue.countAgain());
  t.equal(queue.first(['g'])?.sessionId, 'a');
});

interface Known extends Waiting {
  readonly order: number;
  isTaken: boolean;
}

/** The same with a list that is searched from end to end. */
function createNaiveQueue() {
  const known: Known[] = [];
  const passedOver = new Set<string>();
  let came = 0;
  const find = (id: string) => known.find(({ sessionId }) => sessionId === id);
  const free = () => known.filter(({ isTaken }) => !isTaken).sort((a, b) => a.deadline - b.deadline || a.order - b.order);
  const isPassedOver = ({ kind, group }: Known) => passedOver.has(kind) || passedOver.has(group);
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
    passOver: (name: string) => void passedOver.add(name),
    countAllAgain: () => passedOver.clear(),
    look: () => ({
      first: SECTIONS.map((sections) => free().find((one) => !isPassedOver(one) && sections.includes(one.section))?.sessionId),
      size: known.length,
      next: free()[0]?.deadline,
      due: free().find(({ deadline }) => deadline <= 1)?.sessionId,
      has: KINDS.map((kind) => known.some((one) => one.kind === kind)),
    }),
  };
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const KINDS = ['g1a', 'g1b', 'g2a', 'h1a', 'h1b'];
const SECTIONS = [['g'], ['h'], ['g', 'h'], ['h', 'g', 'i']];

/** One thing that is done to both queues. */
type Act = (queue: ReturnType<typeof createQueue>, naive: ReturnType<typeof createNaiveQueue>) => void;

const countAllAgain: Act = (queue, naive) => {
  naive.countAllAgain();
  while (queue.countAgain());
};

const ACTS: Readonly<Record<string, (id: string, kind: string, deadline: number) => Act>> = {
  /** Everyone counts again first: what became of an empty kind that was passed over is nobody's promise. */
  add: (id, kind, deadline) => (queue, naive) => {
    countAllAgain(queue, naive);
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
  'pass over the group': (_, kind) => (queue, naive) => {
    queue.passOverGroup(kind.slice(0, 2));
    naive.passOver(kind.slice(0, 2));
  },
  'count again': () => countAllAgain,
};

t.test('whatever happens, the queue finds whom a naive one finds', async (t) => {
  const story = fc.array(
    fc.tuple(fc.constantFrom('add', ...Object.keys(ACTS)), fc.constantFrom(...IDS), fc.constantFrom(...KINDS), fc.nat(3)),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(story, (acts) => {
      const queue = createQueue();
      const naive = createNaiveQueue();
      for (const [act, id, kind, deadline] of acts) {
        ACTS[act]?.(id, kind, deadline)(queue, naive);
        const seen = {
          first: SECTIONS.map((sections) => queue.first(sections)?.sessionId),
          size: queue.size,
          next: queue.nextDeadline(),
          due: queue.due(1)?.sessionId,
          has: KINDS.map(queue.has),
        };
        t.same(seen, naive.look());
      }
    }),
    { numRuns: 500 },
  );
});

t.test('a hundred thousand of one kind, of many kinds and of many groups come and go in no time', async (t) => {
  for (const [what, kindOf] of [
    ['one kind', () => 'g1a'],
    ['many kinds', (number: number) => `g1${number}`],
    ['many groups', (number: number) => `${String.fromCharCode(0x4e00 + (number % 5_000))}${String.fromCharCode(0x4e00 + number / 5)}`],
  ] as const) {
    const queue = createQueue();
    const before = process.cpuUsage();
    for (let number = 0; number < 100_000; number += 1) queue.add(waiting(`s${number}`, kindOf(number), number));
    for (let now = queue.nextDeadline(); now !== undefined; now = queue.nextDeadline())
      queue.remove(queue.due(now)?.sessionId ?? sessionId(''));
    const { user } = process.cpuUsage(before);
    t.equal(queue.size, 0);
    t.ok(user < 20_000_000, `${what}: ${Math.round(user / 1000)} ms`);
  }
});

import t from 'tap';
import { createLoader } from '../../projections/loader.ts';

function createCounted() {
  const queries: (readonly string[])[] = [];
  const load = createLoader(async (ids) => {
    queries.push(ids);
    if (ids.includes('fault')) throw new Error('no such luck');
    return new Map(ids.filter((id) => id !== 'nobody').map((id) => [id, `found ${id}`]));
  });
  return { queries, load };
}

t.test('look-ups of one turn of the event loop share a query', async (t) => {
  const { queries, load } = createCounted();
  const [one, other] = await Promise.all([load(['a', 'b']), load(['b', 'nobody'])]);
  t.strictSame([one.get('a'), other.get('b'), other.get('nobody')], ['found a', 'found b', undefined]);
  t.equal((await load(['c'])).get('c'), 'found c');
  t.strictSame(queries, [['a', 'b', 'nobody'], ['c']]);
});

t.test('a query that fails fails those who asked, and nobody after them', async (t) => {
  const { load } = createCounted();
  const asked = [load(['a']), load(['fault'])];
  for (const result of asked) await t.rejects(result, { message: 'no such luck' });
  t.equal((await load(['a'])).get('a'), 'found a');
});

t.test('a query has a limit of ids', async (t) => {
  const { queries, load } = createCounted();
  const many = Array.from({ length: 5000 }, (_, number) => String(number));
  const [first, second] = await Promise.all([load(many), load(['last'])]);
  t.equal(first.get('4999'), 'found 4999');
  t.equal(second.get('last'), 'found last');
  t.strictSame(
    queries.map((ids) => ids.length),
    [5000, 1],
  );
});

/** Whatever is done to one fact of a sealed log is found, and nothing is found where nothing was done. `BERTH_SEED` chooses the logs. */
import fc from 'fast-check';
import t from 'tap';
import { chained } from '../../../adapters/evidence/chained.ts';
import { createMemoryStore, type MemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import type { RecordedFact } from '../../../domain/facts.ts';
import { factId, requestId, streamName } from '../../../domain/ids.ts';
import { audit, KEY, publishedInMemory, trusting } from '../../helpers/evidence.ts';
import { SEED } from '../../helpers/seed.ts';
import { tell } from '../../helpers/tampering.ts';

const OTHER = '22222222-2222-4222-8222-222222222222';
const changes: Readonly<Record<string, (fact: RecordedFact) => Partial<RecordedFact>>> = {
  type: () => ({ type: 'desk.sold' }),
  data: ({ data }) => ({ data: { ...data, more: 1 } }),
  time: ({ time }) => ({ time: time - 1 }),
  cause: () => ({ cause: { kind: 'agent', id: 'x' } }),
  id: () => ({ id: factId(OTHER) }),
  request: () => ({ requestId: requestId(OTHER) }),
  version: () => ({ schemaVersion: 9 }),
  hash: ({ hash = '' }) => ({ hash: hash.split('').toReversed().join('') }),
  stream: () => ({ stream: streamName('other', '1') }),
  revision: ({ revision }) => ({ revision: revision + 1 }),
};

/** What somebody can do to the fact at a place; false where it would change nothing. */
const deeds: Readonly<Record<string, (facts: RecordedFact[], place: number) => boolean>> = {
  ...Object.fromEntries(
    Object.entries(changes).map(([name, change]) => [
      `another ${name}`,
      (facts: RecordedFact[], place: number) => {
        const fact = facts[place] as RecordedFact;
        facts[place] = { ...fact, ...change(fact) };
        return true;
      },
    ]),
  ),
  remove: (facts, place) => facts.splice(place, 1).length > 0,
  'insert a copy': (facts, place) => facts.splice(place, 0, facts[place] as RecordedFact).length === 0,
  'exchange with the next': (facts, place) => {
    const [one, other] = facts.slice(place, place + 2);
    if (one === undefined || other === undefined) return false;
    facts.splice(place, 2, other, one);
    return true;
  },
};

/** Positions stay where they were: only what stands there is another. */
function replace({ facts, streams }: MemoryStore, others: readonly RecordedFact[]): void {
  facts.splice(0, facts.length, ...others.map((fact, index) => ({ ...fact, position: 10 * (index + 1) })));
  streams.clear();
  for (const fact of facts) streams.set(fact.stream, [...(streams.get(fact.stream) ?? []), fact]);
  for (const stream of streams.values()) stream.sort((one, other) => one.revision - other.revision);
}

async function check([story, deed, where]: readonly [string, string, number]): Promise<void> {
  const store = createMemoryStore();
  const published = publishedInMemory();
  const writing = chained(openMemoryEventLog(store));
  await tell(writing, `${story}|`, published);
  await writing.close();
  const checkpoint = (await published.read())?.checkpoint;
  const trust = { ...trusting(KEY), kept: checkpoint ? [checkpoint] : [] };
  const untouched = await audit(openMemoryEventLog(store), trust);
  if (untouched.faults > 0 || untouched.unsealed > 0) throw new Error(`Nothing was done, and found: ${JSON.stringify(untouched.found)}`);
  const facts = [...store.facts];
  if (deeds[deed]?.(facts, Math.floor(where * facts.length)) !== true) return;
  replace(store, facts);
  if ((await audit(openMemoryEventLog(store), trust)).faults === 0) throw new Error('Nothing was found.');
}

t.test(`one deed in any sealed log is found (seed ${SEED})`, async () => {
  const story = fc
    .array(fc.constantFrom('d', 'c', 'l', 'n', '|'), { minLength: 1, maxLength: 20 })
    .map((letters) => `d${letters.join('')}`);
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const property = fc.asyncProperty(fc.tuple(story, fc.constantFrom(...Object.keys(deeds)), place), check);
  await fc.assert(property, { seed: SEED, numRuns: 150 });
});

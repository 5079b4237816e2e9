import t from 'tap';
import { createRepetitions } from '../../../adapters/http/repetitions.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

function start() {
  const told: object[] = [];
  const clock = createSimulatedClock(0);
  const isNew = createRepetitions({
    clock,
    repeated: (line, times) => told.push({ ...line, times }),
    omitted: (times) => told.push({ omitted: times }),
  });
  return { clock, told, isNew: (key: string) => isNew(key, { key }) };
}

t.test('the first of many lines is written, and after a minute how many more there were', async (t) => {
  const { clock, told, isNew } = start();
  t.ok(isNew('a'));
  t.ok(isNew('b'));
  for (let times = 0; times < 5; times += 1) t.notOk(isNew('a'));
  t.same(told, []);
  await clock.advance(60_000);
  t.same(told, [{ key: 'a', times: 5 }], 'and nothing of the one that came once');
  t.ok(isNew('a'), 'then it begins anew');
});

t.test('callers beyond a thousand are only counted', async (t) => {
  const { clock, told, isNew } = start();
  for (let caller = 0; caller < 1000; caller += 1) t.ok(isNew(`caller ${caller}`));
  for (let caller = 0; caller < 50; caller += 1) t.notOk(isNew(`further ${caller}`));
  await clock.advance(60_000);
  t.same(told, [{ omitted: 50 }]);
  t.ok(isNew('further 1'));
});

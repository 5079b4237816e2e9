import t from 'tap';
import { createAllowance } from '../../../adapters/audit/allowance.ts';

const SECOND = { burst: 2, perMinute: 60 };
const ALL = { burst: 100, perMinute: 0 };

t.test('a source has its burst, and then as much as time brings', (t) => {
  const { take } = createAllowance({ each: SECOND, all: ALL, sources: 10 });
  t.same([take('a', 0), take('a', 0), take('a', 0), take('b', 0)], [true, true, false, true]);
  t.same([take('a', 999), take('a', 1000), take('a', 1000)], [false, true, false]);
  t.same([take('a', 60_000), take('a', 60_000), take('a', 60_000)], [true, true, false], 'never more than the burst');
  t.end();
});

t.test('a clock that is set back gives nothing', (t) => {
  const { take } = createAllowance({ each: SECOND, all: ALL, sources: 10 });
  t.same([take('a', 5000), take('a', 5000), take('a', 0), take('a', 500)], [true, true, false, false]);
  t.end();
});

t.test('a source that was forgotten begins anew, within what all may', (t) => {
  const { take } = createAllowance({ each: { burst: 1, perMinute: 0 }, all: { burst: 3, perMinute: 0 }, sources: 1 });
  t.same([take('a', 0), take('a', 0), take('b', 0), take('a', 0), take('b', 0)], [true, false, true, true, false]);
  t.end();
});

/** Effects: done until they are done, later and later, and given up only with the process. */
import t from 'tap';
import { requestId } from '../../../domain/ids.ts';
import { LogBusyError, LogFault } from '../../../domain/ports/event-log.ts';
import { createEffects } from '../../../domain/processes/effects.ts';
import { createSimulatedClock, turn } from '../../helpers/simulated-clock.ts';

function setUp() {
  const clock = createSimulatedClock();
  const failures: string[] = [];
  const failed = (what: string, error: unknown) => void failures.push(`${what}: ${String(error)}`);
  return { clock, failures, effects: createEffects(clock, { failed, recovered: () => void failures.push('recovered') }) };
}

t.test('an effect that fails is told of once and tried again, later and later, until it is done', async (t) => {
  const { clock, effects, failures } = setUp();
  const start = clock.now();
  const times: number[] = [];
  effects.run('trying', async () => {
    times.push(clock.now() - start);
    if (times.length < 10) throw new Error('not yet');
  });
  await clock.advance(60_000);
  t.same(times, [0, 50, 150, 350, 750, 1550, 3150, 6350, 11_350, 16_350]);
  t.same(failures, ['trying: Error: not yet', 'recovered']);
});

t.test('an effect that fails is told of with the request that it follows from', async (t) => {
  const clock = createSimulatedClock();
  const requests: unknown[] = [];
  const effects = createEffects(clock, { failed: (what, _, request) => requests.push([what, request]), recovered: () => undefined });
  const fail = () => Promise.reject(new Error('not yet'));
  effects.run('placing', fail, requestId('r1'));
  effects.run('looking', fail);
  await clock.advance(1);
  effects.stop();
  t.same(requests, [
    ['placing', 'r1'],
    ['looking', undefined],
  ]);
});

t.test('while the log is away one effect is told of, and whatever fails for another reason', async (t) => {
  const { clock, effects, failures } = setUp();
  let isAway = true;
  const failing = (error: Error) => async () => {
    if (isAway) throw error;
  };
  effects.run('writing', failing(new LogFault('away')));
  effects.run('writing more', failing(new LogFault('away')));
  effects.run('waiting', failing(new LogBusyError('busy')));
  effects.run('counting', failing(new TypeError('no number')));
  await clock.advance(60_000);
  t.same(failures, ['writing: LogFault: away', 'counting: TypeError: no number']);
  isAway = false;
  await clock.advance(60_000);
  t.same(failures.slice(2), ['recovered']);
});

t.test('idle means that nothing is being done', async (t) => {
  const { effects } = setUp();
  await effects.idle();
  const done: string[] = [];
  let finish = () => {};
  effects.run('waiting', () => new Promise<void>((resolve) => (finish = resolve)));
  effects.run('quick', async () => undefined);
  const idle = effects.idle().then(() => done.push('idle'));
  await turn();
  t.same(done, []);
  finish();
  await idle;
});

t.test('after the stop nothing is begun or tried again, and what fails then is nobody to be told of', async (t) => {
  const { clock, effects, failures } = setUp();
  let tries = 0;
  let fail = (_: Error) => {};
  effects.run('failing', () => {
    tries += 1;
    return new Promise((_, reject) => (fail = reject));
  });
  effects.stop();
  fail(new Error('The log is closed.'));
  effects.run('new', async () => {
    tries += 1;
  });
  await clock.advance(60_000);
  t.equal(tries, 1);
  t.same(failures, []);
});

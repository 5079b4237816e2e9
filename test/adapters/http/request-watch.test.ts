/** What becomes of each request is told: in a line of the log, and in figures. */
import { Hono } from 'hono';
import t from 'tap';
import { noteOperation, notesOf } from '../../../adapters/http/request-notes.ts';
import { type Answered, createRequestWatch } from '../../../adapters/http/request-watch.ts';
import { systemRandom } from '../../../adapters/system.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

function start(trustsForwardedFor = false) {
  const lines: Record<string, unknown>[] = [];
  const counted: string[] = [];
  const traced: Answered[] = [];
  const clock = createSimulatedClock(0);
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, ...fields, message });
  const watch = createRequestWatch({
    clock,
    random: systemRandom,
    logger: { debug: at('debug'), info: at('info'), warn: at('warn') },
    answered: ({ operation, status }) => counted.push(`${operation} ${status}`),
    traced: () => (answered) => traced.push(answered),
    trustsForwardedFor,
  });
  const app = new Hono();
  app.use(watch({ operations: new Map([['/resolve', 'resolve']]), changes: new Set(['change']), isTraced: true }));
  app.get('/health', (c) => c.text('ok'));
  app.get('/answers/:status', (c) => new Response('', { status: Number(c.req.param('status')) }));
  app.get('/resolve', (c) => c.text('ok'));
  app.get('/change/:status', (c) => {
    const notes = notesOf(c.req.raw, systemRandom);
    noteOperation(notes, 'change');
    notes.client = 'ann';
    return new Response('', { status: Number(c.req.param('status')) });
  });
  app.get('/thrown', () => {
    throw new Error('broken');
  });
  app.onError((_, c) => c.text('broken', 500));
  const ask = async (path: string, headers: Record<string, string> = {}) => (await app.request(path, { headers })).status;
  return { lines, counted, traced, clock, ask };
}

t.test('a change is told of, a look only where everything is, and a question whether it is healthy not at all', async (t) => {
  const { lines, counted, traced, ask } = start();
  for (const path of ['/change/200', '/resolve?authenticationToken=secret', '/health']) t.equal(await ask(path), 200);
  t.match(lines, [
    { level: 'info', message: 'A request was answered.', operation: 'change', status: 200, client: 'ann', requestId: /^[0-9a-f-]{36}$/ },
    { level: 'debug', message: 'A request was answered.', operation: 'resolve', status: 200 },
  ]);
  t.equal(lines.length, 2);
  t.ok(lines.every(({ ms }) => typeof ms === 'number' && ms >= 0));
  t.notMatch(JSON.stringify(lines), 'secret');
  t.same(counted, ['change 200', 'resolve 200']);
  t.same(
    traced.map(({ operation }) => operation),
    ['change', 'resolve'],
  );
});

t.test('what was refused and what failed is told of, whatever it was', async (t) => {
  const { lines, counted, traced, ask } = start();
  for (const path of ['/answers/429', '/nowhere', '/change/503', '/thrown']) await ask(path);
  t.match(lines, [
    { level: 'info', message: 'A request was refused.', operation: 'throttled', status: 429 },
    { level: 'info', message: 'A request was refused.', operation: 'unknown', status: 404 },
    { level: 'warn', message: 'A request could not be answered.', operation: 'change', status: 503 },
    { level: 'warn', message: 'A request could not be answered.', operation: 'unknown', status: 500 },
  ]);
  t.same(counted, ['throttled 429', 'unknown 404', 'change 503', 'unknown 500']);
  t.equal(traced.length, 1, 'whoever asks for what is not there begins no trace');
});

t.test('the same refusal of the same caller is told of once, and then how often it was repeated', async (t) => {
  const { lines, clock, ask } = start();
  for (let times = 0; times < 100; times += 1) await ask('/nowhere');
  const told = () => lines.filter(({ level }) => level !== 'debug');
  t.equal(told().length, 1);
  await clock.advance(60_000);
  t.match(told(), [{}, { message: 'More requests like this one were refused.', operation: 'unknown', status: 404, times: 99 }]);
});

t.test('behind a load balancer the caller is whom it names', async (t) => {
  const { lines, ask } = start(true);
  await ask('/nowhere', { 'x-forwarded-for': '10.0.0.1, 192.0.2.7' });
  t.match(lines, [{ address: '192.0.2.7' }]);
  const distrustful = start();
  await distrustful.ask('/nowhere', { 'x-forwarded-for': '192.0.2.7' });
  t.equal(distrustful.lines[0]?.['address'], undefined);
});

t.test('callers beyond those that are told apart are counted together', async (t) => {
  const { lines, clock, ask } = start(true);
  for (let caller = 0; caller < 1010; caller += 1) await ask('/nowhere', { 'x-forwarded-for': `192.0.2.${caller}` });
  await clock.advance(60_000);
  t.match(lines.at(-1), { message: 'Further requests of other callers were refused.', times: 10 });
});

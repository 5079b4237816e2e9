/** Limits against callers who ask too often or guess. */
import { Hono } from 'hono';
import t from 'tap';
import { createLimitCounters, createProtection } from '../../../adapters/http/protection.ts';
import { HttpProblem } from '../../../adapters/http/reply.ts';
import { createThrottle } from '../../../adapters/http/throttle.ts';
import { CLIENT_ID, CLIENT_PASSWORD, createTestApi } from '../../helpers/client-api.ts';
import { createSimulatedClock } from '../../helpers/simulated-clock.ts';

const TOO_MANY = new HttpProblem(429, 'Too many requests; try again later.');

function protect(requestsPerSecond: number, trustsForwardedFor = false) {
  const clock = createSimulatedClock();
  const counters = createLimitCounters();
  const protection = createProtection({ requestsPerSecond, trustsForwardedFor, now: clock.now, counters });
  return { clock, counters, protection };
}

/** A request that comes from this address. */
function ask(app: Hono, remoteAddress: string, headers: Record<string, string> = {}, path = '/') {
  return app.request(path, { headers }, { incoming: { socket: { remoteAddress } } });
}

t.test('a bucket gives what it holds, and fills up again', async (t) => {
  const clock = createSimulatedClock();
  const throttle = createThrottle({ perSecond: 2, burst: 3, now: clock.now, keys: 2 });
  const take = (key: string, times: number) => Array.from({ length: times }, () => throttle.take(key));
  t.same(take('a', 4), [0, 0, 0, 1]);
  await clock.advance(500);
  t.same(take('a', 2), [0, 1]);
  throttle.give('a');
  t.same(take('a', 2), [0, 1]);
  clock.set(-60_000);
  t.same(take('a', 1), [1], 'a clock that is set back makes nobody wait longer than before');
  await clock.advance(60_000);
  t.same(take('a', 4), [0, 0, 0, 1]);
  take('b', 1);
  take('c', 1);
  t.same(take('a', 1), [0], 'no more is remembered than there is room for');
});

t.test('whoever asks too often from one address is told when to come back, and others are not', async (t) => {
  const { clock, counters, protection } = protect(2);
  const app = new Hono().use(protection.perAddress).get('*', (context) => context.text('hello'));
  for (const status of [200, 200, 429]) t.equal((await ask(app, '192.0.2.1')).status, status);
  const refused = await ask(app, '::ffff:192.0.2.1');
  t.equal(refused.status, 429, 'the same in another spelling');
  t.equal(refused.headers.get('retry-after'), '1');
  t.equal((await ask(app, '192.0.2.2')).status, 200);
  t.equal((await ask(app, '192.0.2.1', {}, '/health')).status, 200, 'load balancers may ask for its health');
  await clock.advance(1000);
  t.equal((await ask(app, '192.0.2.1')).status, 200);
  t.same(counters.counts(), { 'requests-of-address': 2 });
});

t.test('a network of IPv6 counts as one address', async (t) => {
  const { protection } = protect(1);
  const app = new Hono().use(protection.perAddress).get('*', (context) => context.text('hello'));
  t.equal((await ask(app, '2001:db8:0:1:1::1')).status, 200);
  for (const same of ['2001:db8:0:1::', '2001:db8::1:2:3:4:5']) t.equal((await ask(app, same)).status, 429, same);
  for (const other of ['2001:db8::1', '2001:db8:0:2::1', '::1']) t.equal((await ask(app, other)).status, 200, other);
});

t.test('behind a load balancer the address is the last one that it says, and elsewhere nobody can say another', async (t) => {
  const statuses = async (trustsForwardedFor: boolean) => {
    const { protection } = protect(1, trustsForwardedFor);
    const app = new Hono().use(protection.perAddress).get('*', (context) => context.text('hello'));
    const found = [];
    for (const value of ['192.0.2.1', '1.1.1.1, 192.0.2.1', '192.0.2.1, 192.0.2.2', '', undefined])
      found.push((await ask(app, '10.0.0.1', value === undefined ? {} : { 'x-forwarded-for': value })).status);
    return found;
  };
  t.same(await statuses(true), [200, 429, 200, 200, 429]);
  t.same(await statuses(false), [200, 429, 429, 429, 429]);
});

t.test('one client of the API may not ask more often than is allowed, from wherever', async (t) => {
  const { counters, protection } = protect(3);
  const { call } = await createTestApi(t, { protection });
  const statuses = [];
  for (let round = 0; round < 4; round += 1) statuses.push((await call('POST', '/describeSessions', {})).status);
  t.same(statuses, [200, 200, 200, 429]);
  const client = protect(1);
  client.protection.perClient('one');
  client.protection.perClient('two');
  t.throws(() => client.protection.perClient('one'), TOO_MANY);
  t.same(client.counters.counts(), { 'requests-of-client': 1 });
  t.same(counters.counts(), { 'requests-of-address': 1 });
});

t.test('who guesses passwords is not even heard after a while, and who knows one is', async (t) => {
  const { counters, protection, clock } = protect(1000);
  const { send } = await createTestApi(t, { guard: protection.guessing({ ofAddress: 5, ofClient: 3 }) });
  const basic = (id: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}` });
  const token = async (id: string, password: string) =>
    send('/oauth2/token?grant_type=client_credentials', { method: 'POST', headers: basic(id, password) });
  for (let round = 0; round < 10; round += 1) t.equal((await token(CLIENT_ID, CLIENT_PASSWORD)).status, 200);
  for (const status of [401, 401, 401, 429]) t.equal((await token(CLIENT_ID, 'guess')).status, status);
  t.equal((await token(CLIENT_ID, CLIENT_PASSWORD)).status, 429, 'a right guess is not told from a wrong one');
  t.equal((await token('another', 'guess')).status, 429, 'the address has used up its own');
  t.same(counters.counts(), { 'guesses-of-client': 2, 'guesses-of-address': 1 });
  await clock.advance(60_000);
  t.equal((await token(CLIENT_ID, CLIENT_PASSWORD)).status, 200);
});

t.test('a password that could not be checked is no guess', async (t) => {
  const { protection } = protect(1000);
  const guard = protection.guessing({ ofAddress: 1, ofClient: 1 });
  for (let round = 0; round < 3; round += 1) guard('client', '192.0.2.1', null).harmless();
  guard('client', '192.0.2.1', null);
  t.throws(() => guard('client', '192.0.2.2', null), TOO_MANY);
  t.throws(() => guard('other', '192.0.2.1', null), TOO_MANY);
});

t.test('bodies beyond their limit are counted', async (t) => {
  const { counters, protection } = protect(1000);
  const { call } = await createTestApi(t, { protection, limits: { bodyBytes: 10 } });
  t.equal((await call('POST', '/describeSessions', 'x'.repeat(11))).status, 413);
  t.same(counters.counts(), { 'body-bytes': 1 });
});

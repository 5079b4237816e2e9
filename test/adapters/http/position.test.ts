/** The header Berth-Position, over a real core. */
import t, { type Test } from 'tap';
import { createTestApi } from '../../helpers/client-api.ts';
import { setUpCore } from '../../helpers/core.ts';
import { pause } from '../../helpers/until.ts';

const ITEM = { Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' };

async function setUp(t: Test) {
  const broker = await setUpCore(t);
  const api = await createTestApi(t, { broken: broker.core.application, once: broker.core.once });
  const send = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    api.send(path, { method: 'POST', headers: { authorization: `Bearer ${api.token}`, ...headers }, body: JSON.stringify(body) });
  return { broker, send };
}

t.test('a change tells the position of what it wrote, also when it is told again', async (t) => {
  const { broker, send } = await setUp(t);
  await broker.greet('server-1');
  const key = { 'idempotency-key': 'one' };
  const first = await send('/createSessions', [ITEM], key);
  const position = Number(first.headers.get('berth-position'));
  const requested = broker.store.facts.find(({ type }) => type === 'session.requested');
  t.ok(position >= Number(requested?.position));
  const again = await send('/createSessions', [ITEM], key);
  t.equal(again.headers.get('idempotency-replayed'), 'true');
  t.ok(Number(again.headers.get('berth-position')) >= position);
  t.equal((await send('/closeServers', [{ ServerId: 'nobody' }])).headers.has('berth-position'), true);
  t.equal((await send('/describeSessions', {})).headers.has('berth-position'), false, 'who only looks is told none');
  t.equal((await send('/createSessions', {})).headers.has('berth-position'), false, 'nor whose request was refused');
});

t.test('a request with a position is answered when the read models have come to it', async (t) => {
  const { broker, send } = await setUp(t);
  await broker.greet('server-1');
  const head = Number(broker.store.facts.at(-1)?.position);
  t.equal((await send('/describeServers', {}, { 'berth-position': String(head) })).status, 200);
  let isAnswered = false;
  const waiting = send('/describeSessions', {}, { 'berth-position': String(head + 1) }).finally(() => {
    isAnswered = true;
  });
  await pause(100);
  t.notOk(isAnswered);
  await send('/createSessions', [ITEM]);
  t.match(await waiting, { status: 200, body: { Sessions: [{ Name: 'desk' }] } });
});

t.test('a position that is not reached in time is told, and when to come again', async (t) => {
  const { broker, send } = await setUp(t);
  const waiting = send('/describeServers', {}, { 'berth-position': '9007199254740991' });
  await pause(100);
  await broker.clock.advance(10_000);
  const { status, headers, body } = await waiting;
  t.equal(status, 503);
  t.equal(headers.get('retry-after'), '1');
  t.same(body, { error: 'Berth-Position: this broker has not come to position 9007199254740991 in time; try again shortly.' });
});

t.test('what is no position is refused, and nothing is done', async (t) => {
  const { broker, send } = await setUp(t);
  for (const value of ['', 'x', '-1', '1.5', '1, 2', '1e3', '0x10', '9007199254740992', '99999999999999999999']) {
    const { status, body } = await send('/createSessions', [ITEM], { 'berth-position': value });
    t.equal(status, 400, value);
    t.same(body, { error: 'Berth-Position: expected a whole number, as an answer of this API has it.' });
  }
  t.same(broker.store.facts, []);
});

t.test('what fails while waiting is a fault like any other', async (t) => {
  const api = await createTestApi(t, { broken: { reached: () => Promise.reject(new Error('a fault')) } });
  const headers = { authorization: `Bearer ${api.token}`, 'berth-position': '1' };
  t.equal((await api.send('/describeServers', { method: 'POST', headers })).status, 500);
});

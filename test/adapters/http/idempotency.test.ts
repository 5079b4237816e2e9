/** Requests with a key, sent again: over a real core, whose log can stop answering at any fact, as if the broker had been killed there. */
import t, { type Test } from 'tap';
import { EVERYTHING } from '../../../domain/access/reach.ts';
import type { RecordedFact } from '../../../domain/facts.ts';
import { serverId, sessionId } from '../../../domain/ids.ts';
import { type EventLog, LogBusyError } from '../../../domain/ports/event-log.ts';
import { CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';
import { setUpCore } from '../../helpers/core.ts';
import { description, ORIGIN } from '../../helpers/samples.ts';
import { pause, until } from '../../helpers/until.ts';

const DAY = 86_400_000;
const OTHER_CLIENT = '6c1b5f1f-7f1f-4f6f-9f4d-4b2f1d0e3c22';

type Answer = Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['post']>>;

/** A broker and its client API. `killAt` keeps the first append that holds such a fact, and all after it, from ever being answered. */
async function setUp(t: Test, limits: Parameters<typeof setUpCore>[1] = {}) {
  let isFatal: (type: string) => boolean = () => false;
  let killed: () => void = () => undefined;
  let isDead = false;
  let held: { readonly type: string; readonly gate: Promise<void> } | undefined;
  let busyAt: string | undefined;
  const never = new Promise<never>(() => undefined);
  const broker = await setUpCore(t, limits, (log): EventLog => {
    isDead = false;
    return {
      ...log,
      async append(stream, revision, facts) {
        if (facts[0]?.type === held?.type) await held?.gate;
        if (facts[0]?.type === busyAt) {
          busyAt = undefined;
          throw new LogBusyError('Too much is waiting.');
        }
        isDead ||= facts.some(({ type }) => isFatal(type));
        if (!isDead) return log.append(stream, revision, facts);
        killed();
        return never;
      },
    };
  });
  const open = () => createTestApi(t, { broken: broker.core.application, once: broker.core.once });
  let api = await open();
  const restart = async () => {
    await broker.restart();
    api = await open();
  };

  const post = async (key: string | undefined, body: unknown, { path = '/createSessions', method = 'POST', client = CLIENT_ID } = {}) => {
    api.clients.set(client, EVERYTHING);
    const now = api.clock.now();
    const token = await api.tokens.issueAccessToken({ clientId: client, audience: 'api', lifetimeSeconds: 3600 }, now);
    const headers = { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) };
    const response = await api.app.request(path, { method, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  };

  /** Sends a request; the broker is killed when it records a fact of this type, or the one with this number. */
  async function kill(type: string, ...[key, body, options]: Parameters<typeof post>) {
    const death = new Promise<void>((resolve) => {
      killed = resolve;
    });
    let seen = 0;
    const [name, count = '1'] = type.split(' #');
    isFatal = (each) => {
      if (each === name) seen += 1;
      return seen >= Number(count);
    };
    void post(key, body, options);
    await death;
    isFatal = () => false;
  }

  return {
    broker,
    post,
    kill,
    /** Sends a request whose answer never comes, and starts the broker anew. */
    async loseAnswer(...parameters: Parameters<typeof kill>) {
      await kill(...parameters);
      await restart();
    },
    /** Starts the broker anew, and does not wait until it has finished what it finds. */
    async beginRestart() {
      const before = broker.core;
      const restarting = broker.restart();
      await until('the broker is there again', () => broker.core !== before);
      api = await open();
      return { restarting };
    },
    restart,
    /** Keeps facts of this type from being recorded until what it gives is called. */
    hold(type: string) {
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      held = { type, gate };
      return release;
    },
    /** The log is too busy for the next fact of this type. */
    fail(type: string) {
      busyAt = type;
    },
    facts: (type: string): readonly RecordedFact[] => broker.store.facts.filter((fact) => fact.type === type),
  };
}

const desk = (changes: object = {}) => ({ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', ...changes });
const made = ({ body }: Answer) => (body.SuccessfulList as { Id: string }[]).map(({ Id }) => Id);
const reasons = ({ body }: Answer) => (body.UnsuccessfulList as { FailureReason: string }[]).map(({ FailureReason }) => FailureReason);

t.test('a request sent again gets the same answer, byte for byte, and makes nothing more', async (t) => {
  const { broker, post, restart, facts } = await setUp(t);
  await broker.greet('A');
  const items = [desk(), desk({ Requirements: "tag:moon = 'full'" }), { Owner: 'ann' }];
  const first = await post('k1', items);
  t.match(first.body, {
    SuccessfulList: [{ State: 'CREATING' }],
    UnsuccessfulList: [{}, { FailureReason: 'Type is missing. Name is missing.' }],
  });
  t.equal(first.headers.get('idempotency-replayed'), null);
  const again = await post('k1', items);
  t.equal(again.text, first.text);
  t.strictSame([again.status, again.headers.get('idempotency-replayed')], [200, 'true']);
  await restart();
  t.equal((await post('k1', items)).text, first.text, 'also after a restart');
  t.equal(facts('session.requested').length, 2);
  t.match(facts('request.accepted'), [{ requestId: first.body.RequestId, data: { operation: 'POST /createSessions' } }]);
});

t.test('without a key every request is a new one', async (t) => {
  const { broker, post, facts } = await setUp(t);
  await broker.greet('A');
  t.not(made(await post(undefined, [desk()]))[0], made(await post(undefined, [desk()]))[0]);
  t.equal(facts('request.accepted').length, 0);
});

t.test('a key may be quoted, as structured fields are, or bare', async (t) => {
  const { broker, post } = await setUp(t);
  await broker.greet('A');
  const first = await post('a key', [desk()]);
  t.equal((await post('"a key"', [desk()])).text, first.text);
  const quotes = await post('"say \\"\\\\\\""', [desk()]);
  t.equal((await post('say "\\"', [desk()])).text, quotes.text);
  t.not(quotes.text, first.text);
  t.equal((await post('x'.repeat(255), [desk()])).status, 200);
});

t.test('a key that is malformed is refused, and nothing is done', async (t) => {
  const { broker, post } = await setUp(t);
  await broker.greet('A');
  const before = broker.store.facts.length;
  const error = 'Idempotency-Key: expected 1 to 255 printable ASCII characters, bare or in double quotes.';
  for (const key of [
    '',
    '""',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    'a\tb',
    'a\u0001b',
    'caf\u00e9',
    '"open',
    '"a"b"',
    '"a\\b"',
    '"a", "b"',
  ]) {
    const { status, body } = await post(key, [desk()]);
    t.strictSame([status, body], [400, { error }], JSON.stringify(key));
  }
  t.equal(broker.store.facts.length, before);
});

t.test('a request that cannot be read leaves its key free', async (t) => {
  const { broker, post } = await setUp(t);
  await broker.greet('A');
  t.equal((await post('k1', '[{"Name":1}]')).status, 400);
  t.equal((await post('k1', [desk()])).status, 200);
});

t.test('a key that was used for another request is refused: another body, path or method', async (t) => {
  const { broker, post, facts } = await setUp(t);
  await broker.greet('A');
  const first = await post('k1', [desk()]);
  const error = 'Idempotency-Key: This key was used for another request; a new request takes a new key.';
  for (const [body, path] of [
    [[desk({ Name: 'other' })], '/createSessions'],
    [JSON.stringify([desk()], null, 1), '/createSessions'],
    [[], '/deleteSessions'],
  ] as const) {
    const { status, body: answer } = await post('k1', body, { path });
    t.strictSame([status, answer], [422, { error }]);
  }
  t.equal((await post('k1', [desk()])).text, first.text);
  t.equal(facts('session.requested').length, 1);
});

t.test('two clients may use the same key', async (t) => {
  const { broker, post } = await setUp(t);
  await broker.greet('A');
  const ours = await post('k1', [desk()]);
  const theirs = await post('k1', [desk()], { client: OTHER_CLIENT });
  t.equal(theirs.headers.get('idempotency-replayed'), null);
  t.not(made(theirs)[0], made(ours)[0]);
});

t.test('while a request is being carried out the same one is told to wait', async (t) => {
  const { broker, post, hold, facts } = await setUp(t);
  await broker.greet('A');
  const release = hold('session.requested');
  const first = post('k1', [desk()]);
  await until('the request is accepted', () => facts('request.accepted').length === 1);
  const told = await post('k1', [desk()]);
  t.strictSame([told.status, told.body], [409, { error: 'Idempotency-Key: This request is being carried out; ask again shortly.' }]);
  t.equal(told.headers.get('retry-after'), '1');
  t.equal((await post('k1', [])).status, 422, 'and another one that it is another');
  release();
  const done = await first;
  t.equal(done.status, 200);
  t.equal((await post('k1', [desk()])).text, done.text);
  t.equal(facts('session.requested').length, 1);
});

t.test('requests with the same key that come at the same time make one session', async (t) => {
  const { broker, post, facts } = await setUp(t);
  await broker.greet('A');
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('k1', [desk()])));
  const texts = new Set(answers.filter(({ status }) => status === 200).map(({ text }) => text));
  t.equal(texts.size, 1);
  t.ok(answers.every(({ status }) => status === 200 || status === 409));
  t.equal(facts('session.requested').length, 1);
});

t.test('a request that the broker could not carry out is carried out by its repetition', async (t) => {
  const { broker, post, fail, facts } = await setUp(t);
  await broker.greet('A');
  for (const type of ['session.requested', 'request.answered', 'request.accepted']) {
    fail(type);
    t.equal((await post(type, [desk()])).status, 503, type);
    const again = await post(type, [desk()]);
    t.strictSame([again.status, again.headers.get('idempotency-replayed')], [200, null], type);
  }
  t.equal(facts('session.requested').length, 3);
});

t.test('after a day a key is as new, and makes new sessions', async (t) => {
  const { broker, post, facts } = await setUp(t);
  await broker.greet('A');
  const first = await post('k1', [desk()]);
  await broker.clock.advance(DAY - 1);
  t.equal((await post('k1', [desk()])).text, first.text);
  await broker.clock.advance(1);
  const second = await post('k1', [desk()]);
  t.strictSame([second.status, second.headers.get('idempotency-replayed')], [200, null]);
  t.not(made(second)[0], made(first)[0]);
  t.equal((await post('k1', [desk()])).text, second.text);
  t.same(
    facts('request.accepted').map(({ revision }) => revision),
    [0, 2],
  );
});

t.test('a broker that ends before it has answered gives the same sessions to who asks again', async (t) => {
  for (const end of ['session.requested', 'session.requested #2', 'server.slot-reserved', 'session.placed', 'request.answered']) {
    const { broker, post, loseAnswer, facts } = await setUp(t);
    await broker.greet('A');
    const items = [desk(), desk({ Name: 'second' }), desk({ Name: 'third', EnqueueRequest: true })];
    await loseAnswer(end, 'k1', items);
    await broker.greet('A');
    const again = await post('k1', items);
    t.strictSame([again.status, again.headers.get('idempotency-replayed')], [200, null], end);
    const ids = made(again);
    t.match(again.body.SuccessfulList, [{ Name: 'desk' }, { Name: 'second' }, { Name: 'third' }], end);
    t.same(
      facts('session.requested')
        .map(({ stream }) => stream)
        .sort(),
      ids.map((id) => `session-${id}`).sort(),
      `${end}: each session was asked for once`,
    );
    const [accepted] = facts('request.accepted');
    t.equal(again.body.RequestId, accepted?.requestId);
    t.ok(facts('session.requested').every(({ requestId }) => requestId === accepted?.requestId));
    t.equal((await post('k1', items)).text, again.text, end);
    await broker.settle();
    t.equal(new Set(broker.ordersOf('A').map(({ orderId }) => orderId)).size, 3, `${end}: each is made once on its host`);
  }
});

t.test('what was refused before the broker ended stays refused, for the same reason', async (t) => {
  const { post, loseAnswer, facts } = await setUp(t);
  const items = [desk(), desk({ Requirements: 'nonsense' })];
  await loseAnswer('request.answered', 'k1', items);
  const told = facts('session.refused').map(({ data }) => (data as { reason: string }).reason);
  t.same(reasons(await post('k1', items)).sort(), told.sort());
  t.equal(facts('session.refused').length, 2);
});

t.test('a session that the restarted broker is still placing is waited for', async (t) => {
  const { broker, post, kill, hold, beginRestart, facts } = await setUp(t);
  await broker.greet('A', { description: description({ hostname: 'A', maxVirtualSessions: 1 }) });
  for (const [fact, answer] of [
    ['server.slot-reserved', { SuccessfulList: [{ State: 'CREATING' }], UnsuccessfulList: [] }],
    ['session.refused', { SuccessfulList: [], UnsuccessfulList: [{ FailureReason: /^No DCV server found/ }] }],
  ] as const) {
    await kill(fact, fact, [desk()]);
    const release = hold(fact);
    const { restarting } = await beginRestart();
    await pause(50);
    const again = post(fact, [desk()]);
    await pause(50);
    release();
    t.match((await again).body, answer);
    await restarting;
  }
  t.equal(facts('session.requested').length, 2);
});

t.test('a session that waits in the queue is told at once, and one that waited in vain with the reason', async (t) => {
  const { broker, post, loseAnswer, facts } = await setUp(t, { queueMs: 60_000 });
  const items = [desk({ EnqueueRequest: true })];
  await loseAnswer('request.answered', 'k1', items);
  const waiting = await post('k1', items);
  t.match(waiting.body, { SuccessfulList: [{ State: 'CREATING', Substate: 'SESSION_PLACING' }] });

  await loseAnswer('request.answered', 'k2', items);
  await broker.pass(60_000);
  t.same(reasons(await post('k2', items)), ['No server could take the session within 60 s.']);
  t.equal(facts('session.requested').length, 2);
});

t.test('sessions that have moved on since are told as they are now', async (t) => {
  const { broker, post, loseAnswer, facts } = await setUp(t);
  await broker.greet('A');
  const items = [desk(), desk(), desk(), desk()];
  await loseAnswer('request.answered', 'k1', items);
  await broker.greet('A');
  const [, started = '', deleting = '', deleted = ''] = facts('session.requested').map(({ stream }) => stream.slice('session-'.length));
  for (const id of [started, deleting, deleted]) {
    await broker.report('A', { kind: 'session-started', sessionId: sessionId(id), attempt: 1 });
  }
  const remove = (id: string, force: boolean) => broker.core.application.deleteSessions([{ sessionId: id, owner: 'ann', force }], ORIGIN);
  await remove(deleting, false);
  await remove(deleted, true);
  t.match((await post('k1', items)).body, {
    SuccessfulList: [
      { State: 'CREATING', Substate: 'PENDING_PREPARATION' },
      { State: 'READY' },
      { State: 'DELETING' },
      { State: 'DELETED', StateReason: 'Deleted by force.' },
    ],
    UnsuccessfulList: [],
  });
});

t.test('every operation that changes something takes a key, and those that look do not heed it', async (t) => {
  const { broker, post, facts } = await setUp(t);
  await broker.greet('A');
  const [id] = made(await post(undefined, [desk()]));
  const session = { SessionId: id, Owner: 'ann' };
  for (const [method, path, body] of [
    ['PUT', '/sessionPermissions', [{ ...session, PermissionsFile: 'W3Blcm1pc3Npb25zXQ==' }]],
    ['POST', '/closeServers', [{ ServerId: serverId('A'), Force: true }]],
    ['POST', '/openServers', [{ ServerId: serverId('A') }]],
    ['POST', '/deleteSessions', [session]],
  ] as const) {
    const first = await post(path, body, { path, method });
    t.match(first.body, { SuccessfulList: [{}] }, path);
    const again = await post(path, body, { path, method });
    t.strictSame([again.text, again.headers.get('idempotency-replayed')], [first.text, 'true'], path);
  }
  t.equal(facts('request.answered').length, 4);
  const look = { path: '/describeSessions' };
  t.not((await post('k', {}, look)).body.RequestId, (await post('k', {}, look)).body.RequestId);
  t.equal((await post('', {}, look)).status, 200);
  t.equal(facts('request.answered').length, 4);
});

t.test('the history of a session tells of one request, and that of the key is not among it', async (t) => {
  const { broker, post } = await setUp(t);
  await broker.greet('A');
  const [id = ''] = made(await post('k1', [desk()]));
  await post('k1', [desk()]);
  await broker.settle();
  const page = await broker.core.application.sessionHistory(id, 10);
  t.same(
    page?.items.map(({ type }) => type),
    ['session.requested', 'session.placed'],
  );
});

/** The audit over HTTP: pages, exports and feeds. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAudit } from '../../../adapters/audit/audit.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { NO_STREAM, type RecordedFact, type Statement } from '../../../domain/facts.ts';
import { type StreamName, streamName } from '../../../domain/ids.ts';
import { CLIENT_ID, createTestApi } from '../../helpers/client-api.ts';
import { SILENT } from '../../helpers/core.ts';
import { factOf, temporaryFolder } from '../../helpers/read-model.ts';
import { ORIGIN, wish } from '../../helpers/samples.ts';
import { until } from '../../helpers/until.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
/** Its timers keep the process of the test alive. */
const CLOCK = {
  now: Date.now,
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

async function setUp(t: Test) {
  const log = openMemoryEventLog();
  const audit = await openAudit({ log, clock: CLOCK, logger: SILENT }, join(temporaryFolder(t), 'audit-index.sqlite'));
  t.teardown(audit.close);
  const stopping = new AbortController();
  const api = await createTestApi(t, { audit, stopping: stopping.signal });
  const revisions = new Map<StreamName, number>();
  let minutes = 0;
  return {
    ...api,
    log,
    stopping,
    /** One a minute. */
    async record(stream: StreamName, ...statements: readonly Statement[]) {
      for (const statement of statements) {
        const revision = revisions.get(stream) ?? NO_STREAM;
        revisions.set(stream, revision + 1);
        await log.append(stream, revision, [{ ...factOf(statement, START + minutes * MINUTE), ...ORIGIN }]);
        minutes += 1;
      }
    },
    get: (query = '', headers: Record<string, string> = {}) =>
      api.app.request(`/audit${query}`, { headers: { authorization: `Bearer ${api.token}`, ...headers } }),
  };
}

const SESSION = streamName('session', 's1');
const LIFE: readonly Statement[] = [
  { type: 'session.requested', data: wish({ owner: 'ann', name: '=HYPERLINK("x")' }) },
  { type: 'session.started', data: { attempt: 1 } },
  { type: 'session.deletion-requested', data: { force: false } },
];

/** What a feed says, as it comes. */
function listen(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const state = { said: '', over: false, reader };
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      state.said += decoder.decode(value, { stream: true });
    }
    state.over = true;
  })();
  reading.catch(() => undefined);
  return state;
}

t.test('a page says what, when, to whom, by whom and from which request, and where the next one begins', async (t) => {
  const { call, record } = await setUp(t);
  await record(SESSION, ...LIFE);
  const { status, body } = await call('GET', '/audit?MaxResults=2');
  t.equal(status, 200);
  const [first, second] = body['Entries'] as Record<string, unknown>[];
  t.match(first, { Type: 'session.requested', Data: { owner: 'ann' } });
  t.strictSame(second, {
    Position: second?.['Position'],
    Time: '2026-01-01T00:01:00.000Z',
    Type: 'session.started',
    Actor: 'session-s1',
    Revision: 1,
    Cause: { Kind: 'client', Id: 'test' },
    RequestId: ORIGIN.requestId,
    SchemaVersion: 1,
    Data: { attempt: 1 },
  });
  const next = await call('GET', `/audit?MaxResults=2&NextToken=${body['NextToken']}`);
  t.match(next.body['Entries'], [{ Type: 'session.deletion-requested' }]);
  t.notOk('NextToken' in next.body);
  t.equal((await call('GET', `/audit?Owner=ann&NextToken=${body['NextToken']}`)).status, 400, 'a token of another question');
});

t.test('filters narrow it down, each and all together', async (t) => {
  const { call, record } = await setUp(t);
  await record(SESSION, ...LIFE);
  await record(streamName('server', 'x'), { type: 'server.opened', data: {} });
  const found = async (query: string) =>
    ((await call('GET', `/audit?${query}`)).body['Entries'] as { Type: string }[]).map(({ Type }) => Type);
  const all = ['session.requested', 'session.started', 'session.deletion-requested'];
  t.same(await found('Actor=s1'), all);
  t.same(await found('Owner=ann'), all);
  t.same(await found('Type=session.'), all);
  t.same(await found('Type=server.opened'), ['server.opened']);
  t.same(await found('Client=test&Type=session.started'), ['session.started']);
  t.same(await found(`Client=${CLIENT_ID}`), []);
  t.same(await found('From=2026-01-01T00:01Z&To=2026-01-01T01:02:00%2B01:00'), ['session.started']);
  t.same(await found('From=2026-01-02'), []);
  t.equal((await found(`RequestId=${ORIGIN.requestId}`)).length, 4);
});

t.test('what cannot be asked is refused, naming the parameter', async (t) => {
  const { call, get } = await setUp(t);
  const time = (name: string, given: string) => `${name}: expected a time such as 2026-01-31T08:00:00Z, or a date, not "${given}".`;
  for (const [query, error] of [
    ['Actor=', 'Actor: must not be empty.'],
    [`Client=${'x'.repeat(1101)}`, 'Client: longer than 1100 characters.'],
    ['Type=session', 'Type: expected a type such as session.deleted, or the beginning of types such as session., not "session".'],
    ['From=yesterday', time('From', 'yesterday')],
    ['From=2026-01-01T00:00', time('From', '2026-01-01T00:00')],
    ['To=2026-13-01', time('To', '2026-13-01')],
    ['From=2026-01-02&To=2026-01-02', 'To: it must be later than From.'],
    ['RequestId=1', 'RequestId: expected the RequestId of an answer, a UUID, not "1".'],
    ['MaxResults=0', 'MaxResults: expected an integer from 1 to 1000.'],
    ['format=xml', 'format: expected json, jsonl or csv, not "xml".'],
    ['follow=yes', 'follow: expected true or false.'],
    ['format=jsonl&MaxResults=5', 'MaxResults: only answers in pages have it.'],
    ['follow=true&format=csv', 'follow: CSV cannot be followed; use format=jsonl, or Accept: text/event-stream.'],
    ['follow=true&To=2026-01-01', 'To: what is followed has no end.'],
    ['owner=ann', 'Unrecognized parameter "owner"'],
  ] as const) {
    const { status, body } = await call('GET', `/audit?${query}`);
    t.strictSame([status, body], [400, { error }], query);
  }
  const odd = await get('?follow=true', { accept: 'text/event-stream', 'last-event-id': 'x' });
  t.strictSame([odd.status, await odd.json()], [400, { error: 'Last-Event-ID: expected the id of an event of this feed.' }]);
});

t.test('an export has everything up to now, as JSON lines or as CSV that no spreadsheet takes for formulas', async (t) => {
  const { get, record } = await setUp(t);
  for (let round = 0; round < 100; round += 1) await record(SESSION, ...LIFE);
  const lines = await get('?format=jsonl&Type=session.started');
  t.match(lines.headers.get('content-type'), 'application/jsonl');
  t.equal(lines.headers.get('cache-control'), 'no-store');
  const entries = (await lines.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.equal(entries.length, 100);
  t.match(entries[99], { Type: 'session.started', Actor: 'session-s1', Revision: 298 });

  const csv = await get('', { accept: 'text/csv' });
  t.match(csv.headers.get('content-type'), 'text/csv');
  const rows = (await csv.text()).split('\r\n');
  t.equal(rows.length, 302);
  t.equal(rows[0], 'Position,Time,Type,Actor,Revision,CauseKind,CauseId,RequestId,SchemaVersion,Data');
  t.match(rows[1], /^\d+,2026-01-01T00:00:00.000Z,session.requested,session-s1,0,client,test,[0-9-]{36},1,"\{""name"":""=HYPERLINK/);
  t.equal((await (await get('?format=csv&Owner=nobody')).text()).split('\r\n').length, 2, 'the heading is there in any case');
  for (const accept of ['application/x-ndjson', 'application/jsonl;q=1']) {
    t.match((await get('?MaxResults=1&format=json', { accept })).headers.get('content-type'), 'application/json', 'the parameter wins');
    t.match((await get('?Owner=nobody', { accept })).headers.get('content-type'), 'application/jsonl');
  }
});

t.test('a feed tells what happens from now on, as it happens', async (t) => {
  const { get, record, stopping } = await setUp(t);
  await record(SESSION, ...LIFE);
  const response = await get('?follow=true&Type=session.');
  t.match(response.headers.get('content-type'), 'application/jsonl');
  const feed = listen(response);
  await record(streamName('server', 'x'), { type: 'server.opened', data: {} });
  await record(SESSION, { type: 'session.deleted', data: { reason: 'Closed.' } });
  await until('the new fact', () => feed.said.includes('session.deleted'));
  t.equal(feed.said.split('\n').length, 2, 'and nothing else');
  stopping.abort();
  await until('the end', () => feed.over);
  const last = JSON.parse(feed.said.trimEnd().split('\n').at(-1) ?? '');
  t.match(last, { Closed: 'The broker is ending.', Position: Number });
});

t.test('a feed begins in the past where it is asked to, and misses nothing on the way to the present', async (t) => {
  const { get, record, log } = await setUp(t);
  for (let round = 0; round < 150; round += 1) await record(SESSION, ...LIFE);
  const feed = listen(await get('?follow=true&From=2026-01-01T00:01Z'));
  for (let round = 0; round < 50; round += 1) await record(SESSION, ...LIFE);
  await until('all of them', () => feed.said.split('\n').length === 600, 20_000);
  const positions = feed.said
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { Position: number }).Position);
  t.same(
    positions,
    (await log.readAll(0, 1000)).slice(1).map(({ position }: RecordedFact) => position),
  );
  await feed.reader.cancel();
});

t.test('server-sent events can be taken up where they were cut off', async (t) => {
  const { get, record, stopping } = await setUp(t);
  await record(SESSION, ...LIFE);
  const accept = 'text/event-stream';
  const first = listen(await get('?From=2026-01-01', { accept }));
  await until('three events', () => first.said.split('\n\n').length === 4);
  const [, second] = first.said.split('\n\n');
  const [id = '', data = ''] = second?.split('\n') ?? [];
  t.match(JSON.parse(data.replace(/^data: /, '')), { Type: 'session.started', Position: Number(id.replace('id: ', '')) });
  await first.reader.cancel();
  const again = listen(await get('?From=2026-01-01', { accept, 'last-event-id': id.replace('id: ', '') }));
  await until('one event', () => again.said.includes('deletion-requested'));
  t.notMatch(again.said, 'session.started');
  stopping.abort();
  await until('the end', () => again.over);
  t.match(again.said, /event: closed\ndata: \{"Closed":"The broker is ending\.","Position":\d+\}\n\n$/);
});

t.test('there are only so many exports and feeds at a time, and those that were never read do not count', async (t) => {
  const { get, record } = await setUp(t);
  await record(SESSION, ...LIFE);
  for (let number = 0; number < 120; number += 1) t.equal((await get('?format=jsonl')).status, 200);
  const feeds = [];
  for (let number = 0; number < 100; number += 1) feeds.push(listen(await get('?follow=true')));
  const refused = await get('?follow=true');
  t.strictSame([refused.status, refused.headers.get('retry-after')], [503, '10']);
  await feeds[0]?.reader.cancel();
  t.equal((await get('?format=csv')).status, 200);
  for (const { reader } of feeds) await reader.cancel();
});

/** What auditors ask of a broker, against the same told fact by fact. */
import { deepStrictEqual } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { type Audit, type AuditPage, openAudit } from '../../../adapters/audit/audit.ts';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { type Cause, LOG_START, type NewFact, NO_STREAM, type Statement } from '../../../domain/facts.ts';
import { factId, requestId, type StreamName, streamName } from '../../../domain/ids.ts';
import type { Clock } from '../../../domain/ports/clock.ts';
import type { EventLog } from '../../../domain/ports/event-log.ts';
import { type AuditFilter, createAuditFilter } from '../../../projections/audit-filter.ts';
import { SILENT } from '../../helpers/core.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { wish } from '../../helpers/samples.ts';

const HOUR = 3_600_000;
const SESSIONS = ['s1', 's2', 's3'];
const OWNERS = ['ann', 'bob'];
const CLIENTS = ['c1', 'c2'];
/** The third begins as the first does. */
const REQUESTS = ['11111111-0000-4000-8000-000000000001', '22222222-0000-4000-8000-000000000002', '11111111-0000-4111-8000-000000000003'];

interface Happened {
  readonly stream: StreamName;
  readonly statement: Statement;
}

const session = fc.constantFrom(...SESSIONS);
const owner = fc.constantFrom(...OWNERS);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const happened: fc.Arbitrary<Happened> = fc.oneof(
  session.map((id) => ({ stream: streamName('session', id), statement: { type: 'session.started', data: { attempt: 1 } } })),
  session.map((id) => ({
    stream: streamName('session', id),
    statement: { type: 'session.failed', data: { attempt: 1, reason: 'No.', retrying: true } },
  })),
  session.map((id) => ({ stream: streamName('server', id), statement: { type: 'server.opened', data: {} } })),
  fc.record({ id: session, owner }).map(({ id, owner: name }) => ({
    stream: streamName('server', 'x'),
    statement: { type: 'server.slot-reserved', data: { sessionId: id, sessionType: 'VIRTUAL', owner: name, attempt: 1 } },
  })),
  fc.record({ target: maybe(session), owner: maybe(owner), claimedClient: maybe(fc.constantFrom(...CLIENTS)) }).map((data) => ({
    stream: 'attempts-2026-01-01' as StreamName,
    statement: {
      type: 'attempt.refused',
      data: { ...data, target: data.target && `session-${data.target}`, operation: 'deleteSessions', status: 200, code: 'X', reason: 'X' },
    },
  })),
  fc.constant({
    stream: 'request-1' as StreamName,
    statement: { type: 'request.answered', data: { status: 200, body: 'a body that is nobody else’s business' } },
  }),
);

const cause: fc.Arbitrary<Cause> = fc.oneof(
  fc.constantFrom(...CLIENTS).map((id) => ({ kind: 'client', id }) as const),
  fc.constant({ kind: 'broker', id: 'c1' } as const),
);

const fact = fc.record({
  happened,
  cause,
  requestId: fc.constantFrom(...REQUESTS),
  /** Clocks are set back now and then. */
  time: fc.integer({ min: 0, max: 5 * HOUR }),
});

const filter: fc.Arbitrary<AuditFilter> = fc.record({
  actor: maybe(fc.constantFrom(...SESSIONS, 'session-s1', 'server-x', 'attempts-2026-01-01', 'nobody')),
  client: maybe(fc.constantFrom(...CLIENTS, 'c3')),
  owner: maybe(fc.constantFrom(...OWNERS, 'cid')),
  type: maybe(fc.constantFrom('session.', 'session.started', 'attempt.', 'server.', 'request.answered', 'nothing.', 'nothing.happened')),
  from: maybe(fc.integer({ min: -HOUR, max: 6 * HOUR })),
  to: maybe(fc.integer({ min: -HOUR, max: 6 * HOUR })),
  requestId: maybe(fc.constantFrom(...REQUESTS, '11111111-0000-4000-8000-000000000009')),
});

/** Its timers keep the process of the test alive. */
const CLOCK: Clock = {
  now: Date.now,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

async function open(t: Test, log: EventLog, patienceMs?: number) {
  const file = join(temporaryFolder(t), 'audit-index.sqlite');
  const audit = await openAudit({ log, clock: CLOCK, logger: SILENT }, file, patienceMs);
  t.teardown(audit.close);
  return audit;
}

async function positionsOf(audit: Audit, wanted: AuditFilter, limit: number): Promise<readonly number[]> {
  const positions: number[] = [];
  let after: number | undefined = LOG_START;
  while (after !== undefined) {
    const page: AuditPage = await audit.page(wanted, limit, after);
    positions.push(...page.items.map(({ position }) => position));
    after = page.next;
  }
  return positions;
}

type Placed = NewFact & { readonly stream: StreamName };

async function record(log: EventLog, facts: readonly Placed[]): Promise<void> {
  const revisions = new Map<StreamName, number>();
  for (const { stream, ...fact } of facts) {
    const revision = revisions.get(stream) ?? NO_STREAM;
    await log.append(stream, revision, [fact]);
    revisions.set(stream, revision + 1);
  }
}

/** Sessions begin with the fact that names their owner, as they do in life. */
const BEGUN = SESSIONS.map((id, index) => ({
  ...stamp({ type: 'session.requested', data: wish({ owner: OWNERS[index % 2] as string }) }, index * HOUR),
  stream: streamName('session', id),
}));

t.test('the index and whoever reads the log from its start find the same facts, page by page', async (t) => {
  const filters = fc.array(filter, { minLength: 8, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(fact, { maxLength: 40 }), filters, fc.integer({ min: 1, max: 7 }), async (later, wishes, limit) => {
      const log = openMemoryEventLog();
      await record(log, [
        ...BEGUN,
        ...later.map(({ happened, ...who }) => ({
          ...stamp(happened.statement, 0),
          ...who,
          stream: happened.stream,
          requestId: requestId(who.requestId),
        })),
      ]);
      const audit = await open(t, log);
      const recorded = await log.readAll(LOG_START, 1000);
      for (const wanted of wishes) {
        const expected = recorded.filter(createAuditFilter(wanted)).map(({ position }) => position);
        deepStrictEqual(await positionsOf(audit, wanted, limit), expected, JSON.stringify(wanted));
      }
      await audit.close();
    }),
    { numRuns: 40 },
  );
});

function stamp(statement: Statement, time: number): NewFact {
  const origin = { cause: { kind: 'client', id: 'c1' }, requestId: requestId(REQUESTS[0] as string) } as const;
  return { ...statement, ...origin, id: factId(randomUUID()), schemaVersion: 1, time };
}

t.test('the facts are those of the log, and what was acknowledged before is found', async (t) => {
  const log = openMemoryEventLog();
  const audit = await open(t, log);
  for (let round = 0; round < 20; round += 1) {
    const { position } = (await log.append(streamName('session', 's1'), round - 1, [
      stamp({ type: 'session.started', data: { attempt: 1 } }, round),
    ])) as {
      position: number;
    };
    const { items, seen } = await audit.page({}, 10, position - 1);
    t.same(items, await log.readStream(streamName('session', 's1'), round, 1));
    t.equal(seen, position);
    t.equal(await audit.newest(), position);
  }
});

t.test('who has seen everything hears of what is newer', async (t) => {
  const log = openMemoryEventLog();
  const audit = await open(t, log);
  const { seen } = await audit.page({ owner: 'nobody' }, 10);
  t.equal(seen, LOG_START);
  t.equal(await audit.newer(seen, 20), false);
  const newer = audit.newer(seen, 10_000);
  await record(log, BEGUN);
  t.equal(await newer, true);
  const later = await audit.page({ owner: 'nobody' }, 10, seen);
  t.same(later, { items: [], seen: await log.head() }, 'although there was nothing for them');
});

t.test('an index that is far behind says so instead of leaving things out', async (t) => {
  const log = openMemoryEventLog();
  await record(log, BEGUN);
  const blind: EventLog = { ...log, subscribe: () => ({ stop: async () => undefined }) };
  const audit = await open(t, blind, 20);
  await t.rejects(audit.page({}, 10), { name: 'LogBusyError', message: /^The index of the audit is at position 0 of \d+\.$/ });
});

t.test('the index is built again where it is missing, and goes on where it stood', async (t) => {
  const log = openMemoryEventLog();
  await record(log, BEGUN);
  const file = join(temporaryFolder(t), 'audit-index.sqlite');
  const length = async () => {
    const audit = await openAudit({ log, clock: CLOCK, logger: SILENT }, file);
    const { items } = await audit.page({}, 10);
    await audit.close();
    return items.length;
  };
  t.equal(await length(), 3);
  await log.append(streamName('session', 's1'), 0, [stamp({ type: 'session.started', data: { attempt: 1 } }, 0)]);
  t.equal(await length(), 4);
  rmSync(file);
  t.equal(await length(), 4);
});

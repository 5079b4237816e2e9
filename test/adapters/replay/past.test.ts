/** Questions about the past, with the log in memory, real read models, and a clock that is told the time. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { AsOfError } from '../../../adapters/replay/as-of.ts';
import { foldPast } from '../../../adapters/replay/folding-past.ts';
import { createPast, type PastLimits, type PastPorts } from '../../../adapters/replay/past.ts';
import { type StreamName, serverId, streamName } from '../../../domain/ids.ts';
import type { Until } from '../../../projections/replay.ts';
import { SILENT } from '../../helpers/core.ts';
import { factOf, temporaryFolder } from '../../helpers/read-model.ts';
import { AGENT_CLIENT, description, wish } from '../../helpers/samples.ts';
import { createSeededRandom, createSimulatedClock } from '../../helpers/simulated-clock.ts';
import { until as eventually, pause } from '../../helpers/until.ts';

const HOUR = 3_600_000;
const LIMITS: PastLimits = { deletedVisibleMs: HOUR, folding: 2, kept: 2, keptMs: 60_000, patienceMs: 20_000, foldingMs: 600_000 };

interface Options {
  readonly limits?: Partial<PastLimits>;
  /** Resolves when the moment may be folded. */
  readonly gate?: (until: Until) => Promise<unknown>;
}

async function setUp(t: Test, { limits = {}, gate = async () => undefined }: Options = {}) {
  const folder = temporaryFolder(t);
  const log = openMemoryEventLog();
  const clock = createSimulatedClock();
  const folded: Until[] = [];
  const warned: object[] = [];
  const fold: PastPorts['fold'] = async (until, file, signal) => {
    folded.push(until);
    const ended = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await Promise.race([gate(until), ended]);
    return foldPast({ log, until, file, logger: SILENT, signal });
  };
  const logger = { ...SILENT, warn: (details: object) => void warned.push(details) };
  const ports = { log, folder, clock, random: createSeededRandom(1), logger, fold };
  const past = await createPast(ports, { ...LIMITS, ...limits });
  t.teardown(past.stop);
  return {
    log,
    clock,
    folded,
    warned,
    ports,
    past,
    files: () => readdirSync(join(folder, 'past')).filter((name) => name.endsWith('.sqlite')),
    async record(stream: StreamName, ...statements: readonly { type: string; data: object }[]) {
      const revision = (await log.readStream(stream, 0, 100)).length - 1;
      await log.append(
        stream,
        revision,
        statements.map((statement) => factOf(statement, clock.now())),
      );
      await clock.advance(60_000);
      return { position: await log.head() };
    },
    sessions: (until: Until) => past.asOf(until, async (reads) => (await reads.describeSessions({ limit: 10 })).items),
    servers: (until: Until) => past.asOf(until, async (reads) => (await reads.describeServers({ limit: 10 })).items),
  };
}

const DESK = streamName('session', 'desk');
const HOST = streamName('server', 'a');

t.test('everything is as it was then: states, places, what could be reached, and what was still shown', async (t) => {
  const { record, sessions, servers, clock } = await setUp(t);
  const begin = clock.now();
  await record(
    HOST,
    { type: 'server.registered', data: { agentClientId: AGENT_CLIENT } },
    { type: 'server.described', data: description({ hostname: 'host-a' }) },
  );
  const asked = await record(DESK, { type: 'session.requested', data: wish({ name: 'desk' }) });
  await record(DESK, { type: 'session.placed', data: { serverId: serverId('a'), attempt: 1, choice: null } });
  const started = await record(DESK, { type: 'session.started', data: { attempt: 1 } });
  const lost = await record(HOST, { type: 'server.became-unreachable', data: { reason: 'Silent.', connection: null } });
  await record(HOST, { type: 'server.became-reachable', data: { broker: null, connection: null } });
  const deleted = await record(DESK, { type: 'session.deleted', data: { reason: 'Closed.' } });
  const removed = await record(HOST, { type: 'server.removed', data: { reason: 'Gone.' } });
  await clock.advance(2 * HOUR);
  await record(DESK, { type: 'session.unheard-of', data: {} });

  t.strictSame(await sessions({ position: 0 }), []);
  t.match(await sessions(asked), [{ id: 'desk', name: 'desk', state: 'CREATING', substate: 'SESSION_PLACING', server: undefined }]);
  t.match(await sessions(started), [{ state: 'READY', server: { id: 'a', description: { hostname: 'host-a' } } }]);
  t.match(await sessions(lost), [{ state: 'UNKNOWN', server: { id: 'a' } }]);
  t.match(await servers(lost), [{ id: 'a', unavailabilityReason: 'UNREACHABLE_AGENT', telemetry: undefined }]);
  t.match(await sessions(deleted), [{ state: 'DELETED', stateReason: 'Closed.' }]);
  t.match(await sessions(removed), [{ state: 'DELETED', server: { id: 'a' } }], 'a server that is gone is still named');
  t.strictSame(await servers(removed), []);
  t.strictSame(await sessions({ time: begin - 1 }), []);
  t.match(await sessions({ time: begin + 3.5 * 60_000 }), [{ state: 'READY' }]);
  t.match(await sessions({ time: begin + 30 * 60_000 }), [{ state: 'DELETED' }]);
  t.strictSame(await sessions({ time: clock.now() }), [], 'and no more, an hour later');
});

t.test('what has not come yet cannot be asked for', async (t) => {
  const { sessions, log, clock } = await setUp(t);
  await t.rejects(sessions({ position: (await log.head()) + 1 }), new AsOfError('the log ends at position 0'));
  await t.rejects(sessions({ time: clock.now() + 1 }), new AsOfError('this time has not come yet'));
});

t.test('a moment is folded once for all who ask, and kept for the pages that follow', async (t) => {
  const { sessions, folded, clock, files, past } = await setUp(t);
  await Promise.all([sessions({ position: 0 }), sessions({ position: 0 })]);
  await clock.advance(59_000);
  await sessions({ position: 0 });
  await clock.advance(59_000);
  await sessions({ position: 0 });
  t.strictSame(folded, [{ position: 0 }]);
  t.equal(files().length, 1);
  await clock.advance(60_000);
  await eventually('it is forgotten', () => files().length === 0);
  await sessions({ position: 0 });
  t.equal(folded.length, 2);
  await past.stop();
  t.strictSame(files(), []);
});

t.test('a few are kept: who was not asked for longest goes first, and nobody goes while it is asked', async (t) => {
  const { sessions, folded, clock, files, past } = await setUp(t, { limits: { kept: 2 } });
  const at = (hours: number) => ({ time: clock.now() - hours * HOUR });
  const [first, second, third] = [at(1), at(2), at(3)] as const;
  await past.asOf(first, async (reads) => {
    await sessions(second);
    await sessions(third);
    t.strictSame((await reads.describeSessions({ limit: 1 })).items, [], 'still there');
  });
  await eventually('one has gone', () => files().length === 2);
  await sessions(first);
  await sessions(third);
  t.equal(folded.length, 3);
  await sessions(second);
  t.equal(folded.length, 4);
});

t.test('a few are folded at a time, and callers wait only so long', async (t) => {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { sessions, folded, clock } = await setUp(t, { gate: () => gate });
  const at = (hours: number) => ({ time: clock.now() - hours * HOUR });
  const moments = [at(1), at(2), at(3)] as const;
  const waiting = moments.slice(0, 2).map((moment) => t.rejects(sessions(moment), /ask again for it shortly/));
  await pause(10);
  await t.rejects(sessions(moments[2]), { name: 'PastBusyError', retryAfterSeconds: 5, message: /Other questions/ });
  await clock.advance(20_000);
  await Promise.all(waiting);
  open();
  await pause(50);
  await sessions(moments[0]);
  await sessions(moments[1]);
  t.equal(folded.length, 2, 'the work went on without them');
});

t.test('what takes too long, or fails, is given up and may be asked for again', async (t) => {
  let mood: 'slow' | 'bad' | 'good' = 'slow';
  const gate = async () => {
    if (mood === 'slow') await new Promise(() => undefined);
    if (mood === 'bad') throw new Error('no disk');
  };
  const { sessions, clock, files, warned } = await setUp(t, { gate, limits: { patienceMs: 900_000 } });
  const moment = { time: clock.now() };
  const slow = t.rejects(sessions(moment), { name: 'PastBusyError', message: /too long; ask `berth describe`/ });
  await pause(10);
  await clock.advance(600_000);
  await slow;
  mood = 'bad';
  await t.rejects(sessions(moment), { message: 'no disk' });
  t.equal(warned.length, 2);
  mood = 'good';
  t.strictSame(await sessions(moment), []);
  t.equal(files().length, 1);
});

t.test('when it stops, work under way is given up and nothing is left; nor is what a killed broker left', async (t) => {
  const { sessions, past, files, ports } = await setUp(t, { gate: () => new Promise(() => undefined) });
  const asked = t.rejects(sessions({ position: 0 }), /stopping/);
  await pause(10);
  await past.stop();
  await asked;
  t.strictSame(files(), []);
  writeFileSync(join(ports.folder, 'past', 'left.sqlite'), '');
  const next = await createPast(ports, LIMITS);
  t.strictSame(files(), []);
  await next.stop();
});

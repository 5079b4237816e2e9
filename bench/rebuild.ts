/** How fast the read database is built again from a log on disk, next to reading the same facts and doing nothing with them. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { openReadDatabase } from '../adapters/sqlite/read-database.ts';
import { systemClock } from '../adapters/system.ts';
import { NO_STREAM, type Statement } from '../domain/facts.ts';
import { factId, requestId, type ServerId, type SessionId, serverId, sessionId, streamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { ServerDescription, ServerEvent } from '../domain/server/events.ts';
import type { SessionEvent } from '../domain/session/events.ts';
import { access } from '../projections/access.ts';
import { createProjector } from '../projections/projector.ts';
import { servers } from '../projections/servers.ts';
import { sessions } from '../projections/sessions.ts';
import type { Row } from './row.ts';

const SERVERS = 1_000;
/** Sessions of one server, one after another; each leaves eight facts. */
const ROUNDS = 125;
const PATIENCE_MS = 600_000;

export async function benchRebuild(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  try {
    const log = await openSqliteEventLog(join(folder, 'log.db'));
    const facts = await fill(log);
    const reading = facts / (await seconds(() => readEverything(log)));
    const rebuilding = facts / (await seconds(() => rebuild(log, join(folder, 'read.db'))));
    await log.close();
    return [
      {
        name: `read model rebuilt from ${facts} facts`,
        value: rebuilding,
        unit: 'facts/s',
        baseline: 'reading the same facts from the log',
        ratio: rebuilding / reading,
        aim: '>= 50000 facts/s',
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function readEverything(log: EventLog): Promise<void> {
  const head = await log.head();
  await new Promise<void>((resolve, reject) => {
    const deliver = async (facts: readonly { readonly position: number }[]) => {
      if ((facts.at(-1)?.position ?? 0) >= head) resolve();
    };
    log.subscribe(0, deliver, reject);
  });
}

async function rebuild(log: EventLog, file: string): Promise<void> {
  const silent = () => undefined;
  const logger = { info: silent, warn: silent, error: silent };
  const database = await openReadDatabase(file, { logger });
  const projector = createProjector({ log, database, projections: [sessions, servers, access], logger, clock: systemClock });
  await projector.start();
  if (!(await projector.reached(await log.head(), PATIENCE_MS))) throw new Error('The rebuild did not end in time.');
  await projector.stop();
  await database.close();
}

/** Servers whose sessions come and go, all at once, as a busy fleet writes them. The number of facts. */
async function fill(log: EventLog): Promise<number> {
  const counts = await Promise.all(Array.from({ length: SERVERS }, (_, number) => liveOf(log, serverId(`server-${number}`), number)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function liveOf(log: EventLog, id: ServerId, number: number): Promise<number> {
  const onServer = createAppender(log, 'server', id);
  let count = await onServer({ type: 'server.registered', data: { agentClientId: randomUUID(), broker: null } }, describedAs(number));
  for (let round = 0; round < ROUNDS; round += 1) {
    const session = sessionId(randomUUID());
    const onSession = createAppender(log, 'session', session);
    const owner = `user${number % 97}`;
    count += await onSession({
      type: 'session.requested',
      data: { name: 'desk', owner, sessionType: 'VIRTUAL', enqueue: true, retry: true },
    });
    count += await onServer(slotFor(session, owner));
    count += await onSession({ type: 'session.placed', data: { serverId: id, attempt: 1, choice: null } });
    count += await onSession({ type: 'session.started', data: { attempt: 1 } });
    count += await onSession({ type: 'session.connections-changed', data: { count: 1 } });
    count += await onSession({ type: 'session.deletion-requested', data: { force: false } });
    count += await onSession({ type: 'session.deleted', data: { reason: 'Closed on order.' } });
    count += await onServer({ type: 'server.slot-released', data: { sessionId: session } });
  }
  return count;
}

function slotFor(session: SessionId, owner: string): ServerEvent {
  return { type: 'server.slot-reserved', data: { sessionId: session, sessionType: 'VIRTUAL', owner, attempt: 1 } };
}

function createAppender(
  log: EventLog,
  category: string,
  id: string,
): (...events: readonly (SessionEvent | ServerEvent)[]) => Promise<number> {
  const stream = streamName(category, id);
  let revision = NO_STREAM;
  return async (...events) => {
    const facts = events.map((event: Statement) => ({
      ...event,
      id: factId(randomUUID()),
      cause: { kind: 'client', id: 'bench' } as const,
      requestId: requestId(randomUUID()),
      schemaVersion: 1,
      time: Date.now(),
    }));
    await log.append(stream, revision, facts);
    revision += facts.length;
    return facts.length;
  };
}

function describedAs(number: number): ServerEvent {
  const data: ServerDescription = {
    ip: `10.0.${number >> 8}.${number & 255}`,
    hostname: `host-${number}`,
    port: 8443,
    webUrlPath: '/',
    endpoints: [{ port: 8443, protocol: 'HTTP', webUrlPath: '/' }],
    version: '2025.0.20177',
    agentVersion: '0.1.0',
    os: { family: 'linux', name: 'Debian GNU/Linux', version: '12', kernelVersion: '6.1.0' },
    memoryTotalBytes: 64 * 2 ** 30,
    swapTotalBytes: 0,
    cpu: { vendor: 'GenuineIntel', modelName: 'Xeon', architecture: 'x86_64', numberOfCpus: 32, physicalCoresPerCpu: 16 },
    gpus: [{ vendor: 'NVIDIA', modelName: 'A10G' }],
    tags: Array.from({ length: 8 }, (_, tag) => ({ key: `key-${tag}`, value: `value-${number % 10}` })),
    maxVirtualSessions: -1,
    maxSessionsPerOwner: -1,
  };
  return { type: 'server.described', data };
}

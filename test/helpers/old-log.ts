/** A log of some months: chained and sealed, with sessions that are long over, some that are not, and what must never leave it. */
import { randomUUID } from 'node:crypto';
import type { Test } from 'tap';
import { chained } from '../../adapters/evidence/chained.ts';
import { LOG_START, type NewFact, NO_STREAM, type RecordedFact, type Revision, type Statement } from '../../domain/facts.ts';
import { type StreamName, streamName } from '../../domain/ids.ts';
import type { EventLog, LogReader } from '../../domain/ports/event-log.ts';
import { publishedFor, seal } from './evidence.ts';
import { factOf } from './read-model.ts';
import { BROKER, wish } from './samples.ts';

export const DAY = 86_400_000;
/** When the old part of it happened. */
export const LONG_AGO = Date.UTC(2025, 0, 1);

export interface OldLog {
  /** Chained, as a broker writes it. */
  readonly log: EventLog;
  /** Streams that are over for good. */
  readonly over: readonly StreamName[];
  /** Streams that stay. */
  readonly staying: readonly StreamName[];
}

export const session = (name: string): StreamName => streamName('session', name);
const REQUESTED: Statement = { type: 'session.requested', data: wish() };
export const GONE: Statement = { type: 'session.deleted', data: { reason: '' } };
export const ADOPTED: Statement = {
  type: 'session.adopted',
  data: { name: 'desk', owner: 'ann', sessionType: 'VIRTUAL', serverId: 'a', localId: 'desk', creationTime: LONG_AGO, connections: 0 },
};

/** A session from its beginning to its end, on a server of its own name. */
const life = (): readonly Statement[] => [
  REQUESTED,
  { type: 'session.placed', data: { serverId: 'a', attempt: 1, choice: null } },
  { type: 'session.started', data: { attempt: 1 } },
  { type: 'session.deletion-requested', data: { force: false } },
  GONE,
];

const registered: Statement = { type: 'server.registered', data: { agentClientId: 'c1', broker: null } };
const removed: Statement = { type: 'server.removed', data: { reason: 'away' } };
const slot = (kind: 'reserved' | 'released', sessionId: string): Statement =>
  kind === 'reserved'
    ? { type: 'server.slot-reserved', data: { sessionId, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 } }
    : { type: 'server.slot-released', data: { sessionId } };
const accepted = (expires: number): Statement => ({
  type: 'request.accepted',
  data: { operation: 'createSessions', fingerprint: 'f', expires },
});

/** What is over, what is not although it is old, and what is but not for long. `sessions`: how many more that are over. */
export async function writeOldLog(t: Test, bare: EventLog, { sessions = 20 } = {}): Promise<OldLog> {
  const log = chained(bare);
  const over: StreamName[] = [];
  const staying: StreamName[] = [];
  const write = async (list: StreamName[], stream: StreamName, time: number, ...statements: readonly Statement[]) => {
    list.push(stream);
    await appendTo(
      log,
      stream,
      statements.map((statement) => factOf(statement, time)),
    );
  };
  const now = Date.now();
  await write(staying, streamName('software-statement', 'w0'), LONG_AGO, {
    type: 'software-statement.issued',
    data: { statementHash: 'h' },
  });
  await write(staying, streamName('api-client', 'c0'), LONG_AGO, {
    type: 'api-client.registered',
    data: { name: 'x', passwordHash: 'h', scopes: null, owner: null },
  });
  await write(
    staying,
    streamName('server', 'a'),
    LONG_AGO,
    registered,
    slot('reserved', 'held'),
    slot('reserved', 's0'),
    slot('released', 's0'),
  );
  // Since then only, so that a broker on this log does not give it up for good.
  await write([], streamName('server', 'a'), now, { type: 'server.became-unreachable', data: { reason: 'away' } });
  await write(over, streamName('server', 'b'), LONG_AGO, registered, removed);
  await write(staying, streamName('server', 'closed'), LONG_AGO, registered, { type: 'server.closed', data: { force: false } }, removed);
  await write(over, streamName('request', 'old'), LONG_AGO, accepted(LONG_AGO + DAY), {
    type: 'request.answered',
    data: { status: 200, body: '{}' },
  });
  await write(staying, streamName('request', 'long'), LONG_AGO, accepted(now + DAY));
  await write(over, streamName('attempts', `2025-01-01-${BROKER}`), LONG_AGO, {
    type: 'attempt.refused',
    data: { operation: '/', status: 401, code: 'x', reason: 'y' },
  });
  await write(staying, session('held'), LONG_AGO, ...life());
  await write(staying, session('alive'), LONG_AGO, ...life().slice(0, 3));
  // Interleaved, as sessions of one time are.
  const [first, ...rest] = life();
  for (let number = 0; number < sessions; number += 1) await write(over, session(`s${number}`), LONG_AGO, first as Statement);
  for (let number = 0; number < sessions; number += 1) await write([], session(`s${number}`), LONG_AGO + number, ...rest);
  await write(over, session('refused'), LONG_AGO, { type: 'session.refused', data: { ...wish(), reason: 'none' } });
  await seal(log, publishedFor(t));
  await write(staying, session('fresh'), now, ...life());
  await seal(log, publishedFor(t));
  await write(staying, session('unsealed'), LONG_AGO, ...life());
  return { log, over, staying };
}

/** Behind whatever is there. */
export async function appendTo(log: EventLog, stream: StreamName, facts: readonly NewFact[]): Promise<void> {
  const there = await log.readStream(stream, 0, 500);
  const revision: Revision = there.at(-1)?.revision ?? (await log.removal(stream))?.revision ?? NO_STREAM;
  const appended = await log.append(stream, revision, facts);
  if (appended.outcome === 'conflict') throw new Error(`${stream} stands at ${appended.actualRevision}.`);
}

export const anotherFact = (statement: Statement, time = Date.now()): NewFact => ({
  ...factOf(statement, time),
  id: randomUUID() as NewFact['id'],
});

/** Everything that is there, in small pages. */
export async function readWhole(reader: Pick<LogReader, 'readAll'>, page = 7): Promise<readonly RecordedFact[]> {
  const facts: RecordedFact[] = [];
  for (;;) {
    const next = await reader.readAll(facts.at(-1)?.position ?? LOG_START, page);
    if (next.length === 0) return facts;
    facts.push(...next);
  }
}

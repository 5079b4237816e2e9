/** Benchmark (r): how long a server with a long stream takes to come back into memory, with states that are kept and without. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createLogger } from '../adapters/logging.ts';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { openSnapshots } from '../adapters/sqlite/snapshots.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import { createActors } from '../domain/actors.ts';
import { type NewFact, NO_STREAM } from '../domain/facts.ts';
import { factId, requestId, serverId, sessionId, streamName } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { Snapshots } from '../domain/ports/snapshots.ts';
import { serverKind } from '../domain/server/actor.ts';
import type { ServerEvent } from '../domain/server/events.ts';
import { versionOf } from '../domain/shapes.ts';
import { inFolder } from './folder.ts';
import type { Row } from './row.ts';

const FACTS = 100_000;
const ROUNDS = 5;
const APPEND = 500;
const ID = serverId('old');
const REGISTERED: ServerEvent = { type: 'server.registered', data: { agentClientId: 'agent', broker: null } };

export function benchRehydration(): Promise<readonly Row[]> {
  return inFolder('rehydration', async (folder) => {
    const log = await openSqliteEventLog(join(folder, 'log.sqlite'));
    const logger = createLogger({ program: 'bench', level: 'warn', human: true, write: (line) => process.stderr.write(line) });
    const snapshots = await openSnapshots(join(folder, 'snapshots.sqlite'), { version: 'bench', logger });
    await writeLife(log);
    const without = await medianMs(() => look(log));
    await look(log, snapshots);
    const kept = await medianMs(() => look(log, snapshots));
    await snapshots.close();
    await log.close();
    const name = `a server with ${FACTS} facts comes back into memory`;
    return [
      { name, value: without, unit: 'ms', baseline: 'itself', ratio: 1 },
      {
        name: `${name}, with its state kept`,
        value: kept,
        unit: 'ms',
        baseline: 'reading all of it',
        ratio: kept / without,
        aim: '<= 0.05',
      },
    ];
  });
}

/** As a broker that was started just now would. */
async function look(log: EventLog, snapshots?: Snapshots): Promise<void> {
  await createActors(serverKind, { log, snapshots, clock: systemClock, random: systemRandom }).look(ID);
}

async function medianMs(work: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}

/** Slots taken and given back, with some ten sessions there at any time. */
async function writeLife(log: EventLog): Promise<void> {
  const sessions = Array.from({ length: 10 }, () => sessionId(randomUUID()));
  const events: ServerEvent[] = [REGISTERED, ...sessions.map(reserved)];
  while (events.length < FACTS) {
    const [gone = sessionId(''), next] = [sessions.shift(), sessionId(randomUUID())];
    sessions.push(next);
    events.push({ type: 'server.slot-released', data: { sessionId: gone } }, reserved(next));
  }
  for (let from = 0; from < FACTS; from += APPEND) {
    await log.append(streamName('server', ID), from + NO_STREAM, events.slice(from, Math.min(from + APPEND, FACTS)).map(asFact));
  }
}

const reserved = (session: ReturnType<typeof sessionId>): ServerEvent => ({
  type: 'server.slot-reserved',
  data: { sessionId: session, sessionType: 'VIRTUAL', owner: 'ann', attempt: 1 },
});

function asFact(event: ServerEvent): NewFact {
  const origin = { cause: { kind: 'broker', id: 'bench' }, requestId: requestId(randomUUID()) } as const;
  return { ...event, ...origin, id: factId(randomUUID()), schemaVersion: versionOf(event.type), time: Date.now() };
}

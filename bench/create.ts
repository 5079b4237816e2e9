/**
 * Benchmark (a): sessions a second from the request to READY, with everything in between: TLS, tokens, the log on disk, placement, orders
 * to 100 agents and their reports. The baseline writes as many facts by hand.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, openConnection } from '../adapters/sqlite/connection.ts';
import type { AgentsJob, AgentsReady } from './agents.ts';
import { measureRaw } from './append.ts';
import { inFolder } from './folder.ts';
import type { LoadJob, LoadReport } from './load.ts';
import { startBroker, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const AGENTS = 100;
const BATCH = 20;
const CONNECTIONS = 8;
/** Requests, each for a batch. */
const WARM_UP = 150;
const MEASURED = 500;
/** session.requested, server.slot-reserved, session.placed, session.started. */
const FACTS_PER_SESSION = 4;
const PATIENCE_MS = 30_000;

export function benchCreate(): Promise<readonly Row[]> {
  return inFolder('create', async (folder) => {
    const { perSecond: raw } = await measureRaw(join(folder, 'raw.db'), AGENTS);
    const { perSecond, processorMicroseconds } = await measureCreate(folder);
    const rawMicroseconds = 1e6 / (raw / FACTS_PER_SESSION);
    return [
      {
        name: `sessions from request to READY, ${AGENTS} agents`,
        value: perSecond,
        unit: 'sessions/s',
        baseline: `raw sqlite3, ${FACTS_PER_SESSION} facts a session`,
        ratio: (perSecond * FACTS_PER_SESSION) / raw,
        aim: '>= 0.3',
      },
      {
        name: "the broker's processor time for each of them",
        value: processorMicroseconds,
        unit: 'µs',
        baseline: 'the time that raw sqlite3 takes',
        ratio: processorMicroseconds / rawMicroseconds,
      },
    ];
  });
}

async function measureCreate(folder: string): Promise<{ readonly perSecond: number; readonly processorMicroseconds: number }> {
  const broker = await startBroker(folder);
  const agents = startHelper<AgentsReady>('agents', { count: AGENTS, connection: broker.connection, folder } satisfies AgentsJob);
  const log = await openConnection(join(folder, 'log.sqlite'), { readonly: true });
  try {
    const { connected } = await agents.next();
    if (connected < AGENTS) throw new Error(`Only ${connected} of ${AGENTS} agents are connected.`);
    const load = { kind: 'create', connection: broker.connection, connections: CONNECTIONS, sessions: BATCH } as const;
    await createAndWait({ ...load, phases: [WARM_UP] }, log);
    const before = await broker.processorSeconds();
    const { started, perSecond } = await createAndWait({ ...load, phases: [MEASURED] }, log);
    const used = (await broker.processorSeconds()) - before;
    return { perSecond, processorMicroseconds: (used * 1e6) / started };
  } finally {
    await agents.stop();
    await log.close();
    await broker.stop();
  }
}

interface Created {
  readonly started: number;
  readonly perSecond: number;
}

/** What the log itself says, from the first request to the last session that is READY. */
async function createAndWait(job: LoadJob, log: Connection): Promise<Created> {
  const [{ head } = { head: 0 }] = await log.all<{ head: number }>('SELECT max(position) AS head FROM facts');
  const { granted, refused } = await startHelper<LoadReport>('load', job).next();
  if (refused > 0) throw new Error(`${refused} sessions were refused.`);
  const givingUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const [row] = await log.all<{ started: number; ms: number }>(
      `SELECT count(*) FILTER (WHERE type = 'session.started') AS started,
         max(time) FILTER (WHERE type = 'session.started') - min(time) FILTER (WHERE type = 'session.requested') AS ms
       FROM facts WHERE position > ?`,
      [head],
    );
    const { started, ms } = row ?? { started: 0, ms: 0 };
    if (started === granted) return { started, perSecond: (started * 1000) / ms };
    if (performance.now() > givingUpAt) throw new Error(`Only ${started} of ${granted} sessions are READY.`);
    await sleep(100);
  }
}

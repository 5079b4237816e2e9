/** The broker's core in this process, on a log on disk and above a fleet without agents: nothing but placing and recording is measured. */
import { join } from 'node:path';
import { type Core, startCore } from '../adapters/core.ts';
import { createMemoryLocks } from '../adapters/memory/locks.ts';
import { openSqliteEventLog } from '../adapters/sqlite/event-log.ts';
import { openReadDatabase } from '../adapters/sqlite/read-database.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import type { Origin } from '../domain/facts.ts';
import { brokerId, clientId, requestId, serverId } from '../domain/ids.ts';
import type { AgentLink } from '../domain/ports/agent-link.ts';
import { description } from './placement.ts';

export interface BenchCore extends Core {
  close(): Promise<void>;
}

export const ORIGIN: Origin = { cause: { kind: 'client', id: 'bench' }, requestId: requestId('bench') };

/** Takes every order and does nothing. */
const NOBODY: AgentLink = { send: () => true, screenshot: async () => ({ rejected: 'There is nobody.' }) };

const DAY_MS = 24 * 60 * 60 * 1000;
const LIMITS = {
  queueSize: 1_000_000,
  queueMs: DAY_MS,
  policy: 'least-loaded',
  maxAttempts: 3,
  creationMs: DAY_MS,
  deletionMs: DAY_MS,
  unreachableServerMs: DAY_MS,
  deletedVisibleMs: DAY_MS,
  screenshotWidth: 160,
  screenshotHeight: 100,
  screenshotFormat: 'png',
} as const;

/** Servers that greet at the same time. */
const AT_ONCE = 200;

/** Its servers are connected and empty. */
export async function startBenchCore(folder: string, servers: number): Promise<BenchCore> {
  const log = await openSqliteEventLog(join(folder, 'log.sqlite'));
  const quiet = () => undefined;
  const logger = { debug: quiet, info: quiet, warn: console.warn, error: console.error };
  const database = await openReadDatabase(join(folder, 'read-models.sqlite'), { logger });
  const fatal = (error: Error): never => {
    throw error;
  };
  const ports = { log, database, link: NOBODY, clock: systemClock, random: systemRandom, logger, fatal };
  const self = brokerId('bench');
  const alone = { locks: createMemoryLocks()(self), self };
  const core = await startCore({ ...ports, ...alone, issueConnectionToken: async () => '' }, LIMITS);
  for (let first = 0; first < servers; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => greet(core, first + index)));
  }
  await core.idle();
  return {
    ...core,
    async close() {
      await core.stop();
      await log.close();
      await database.close();
    },
  };
}

async function greet({ reception }: Core, number: number): Promise<void> {
  const id = serverId(`server-${number}`);
  const load = Math.random() * 16;
  const telemetry = { memoryUsedBytes: Math.floor(Math.random() * 64e9), swapUsedBytes: 0, cpuLoadAverage: [load, load, load] as const };
  const state = { telemetry, healthy: true, loggedInUsers: [], sessions: [], inProgress: [] };
  await reception.greeted({ serverId: id, description: description(number), ...state }, clientId('bench'));
  reception.connected(id);
}

/** Benchmark (e): how long a broker with a long log takes until it can be used again, and what it holds in memory then. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentsJob, AgentsReady } from './agents.ts';
import type { FleetSize } from './fleet-log.ts';
import { inFolder } from './folder.ts';
import { type BrokerProcess, startBroker, startHelper } from './processes.ts';
import type { Row } from './row.ts';

const AGENTS = 1000;
/** Until memory is what it stays at. */
const SETTLING_MS = 2000;
/** Several heartbeats. */
const STEADY_MS = 10_000;
const MOST_MS = 5000;
const MOST_BYTES = 256 * 2 ** 20;
const MEBIBYTE = 2 ** 20;

/** `folder` is that of a broker that was stopped in order. */
export async function benchRestart(folder: string, { servers, sessions }: FleetSize, facts: number): Promise<readonly Row[]> {
  const fleet = `${servers} servers, ${sessions} sessions, ${facts} facts`;
  const broker = await startBroker(folder);
  const rows = await rowsOf(`restart, ${fleet}`, broker);
  await broker.kill();
  if (!existsSync(join(folder, 'read-models.sqlite-wal')))
    throw new Error('The read database was closed in order: there is nothing to check.');
  const second = await startBroker(folder);
  rows.push(...(await rowsOf(`restart after SIGKILL, ${fleet}`, second)));
  await second.stop();
  return rows;
}

/** The processor time stands beside the time because only it stays the same on a machine that has other things to do. */
async function rowsOf(name: string, broker: BrokerProcess): Promise<Row[]> {
  const processorMs = (await broker.processorSeconds()) * 1000;
  await sleep(SETTLING_MS);
  const time = { unit: 'ms', baseline: `at most ${MOST_MS} ms`, aim: '<= 1' };
  return [
    { name, value: broker.readyMs, ratio: broker.readyMs / MOST_MS, ...time },
    { name: `${name}, processor time`, value: processorMs, ratio: processorMs / MOST_MS, ...time },
    memoryRow(`memory after ${name}`, await broker.resident()),
  ];
}

export function benchConnected(): Promise<readonly Row[]> {
  return inFolder('connected', async (folder) => {
    const broker = await startBroker(folder);
    const agents = startHelper<AgentsReady>('agents', { count: AGENTS, connection: broker.connection, folder } satisfies AgentsJob);
    try {
      const { connected } = await agents.next();
      if (connected < AGENTS) throw new Error(`Only ${connected} of ${AGENTS} agents are connected.`);
      await sleep(STEADY_MS);
      return [memoryRow(`memory with ${AGENTS} agents connected`, await broker.resident())];
    } finally {
      await agents.stop();
      await broker.stop();
    }
  });
}

function memoryRow(name: string, bytes: number): Row {
  const most = `at most ${MOST_BYTES / MEBIBYTE} MiB`;
  return { name, value: bytes / MEBIBYTE, unit: 'MiB', baseline: most, ratio: bytes / MOST_BYTES, aim: '<= 1' };
}

/** Benchmark (e): how long a broker with a long log takes until it can be used again, and what it holds in memory then. */
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

/** `broker` is the running one in `folder`; it is ended here, and its followers too. */
export async function benchRestart(broker: BrokerProcess, folder: string, { servers, sessions }: FleetSize): Promise<readonly Row[]> {
  const fleet = `${servers} servers, ${sessions} sessions`;
  await broker.stop();
  const second = await startBroker(folder);
  const rows = await rowsOf(`restart, ${fleet}`, second);
  await second.kill();
  const third = await startBroker(folder);
  rows.push(...(await rowsOf(`restart after SIGKILL, ${fleet}`, third)));
  await third.stop();
  return rows;
}

async function rowsOf(name: string, broker: BrokerProcess): Promise<Row[]> {
  await sleep(SETTLING_MS);
  return [
    { name, value: broker.readyMs, unit: 'ms', baseline: `at most ${MOST_MS} ms`, ratio: broker.readyMs / MOST_MS, aim: '<= 1' },
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

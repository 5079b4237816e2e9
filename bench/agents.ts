/**
 * A process full of agents: the real agent with its real link over TLS, in front of simulated servers that answer at once. Their state
 * is in memory, because a hundred hosts do not share one disk with their broker.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionFile } from '../adapters/connection-file.ts';
import type { Logger } from '../adapters/logging.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import { type Agent, startAgent } from '../agent/agent.ts';
import { createBrokerHttp } from '../agent/broker-http.ts';
import { createBrokers } from '../agent/brokers.ts';
import { createCredentials } from '../agent/credentials.ts';
import { describeServer } from '../agent/description.ts';
import { createSimulatedDriver } from '../agent/drivers/simulated.ts';
import { createMemoryShelf } from '../agent/drivers/simulated-sessions.ts';
import { createBrokerLink } from '../agent/link.ts';
import { createMemoryLog } from '../agent/storage.ts';
import { createTagReader } from '../agent/tags.ts';
import { serverId } from '../domain/ids.ts';
import { job, say } from './processes.ts';

export interface AgentsJob {
  readonly count: number;
  readonly connection: ConnectionFile;
  /** For their credentials. */
  readonly folder: string;
}

export interface AgentsReady {
  readonly connected: number;
}

/** Agents that enrol at the same time; a fleet does not arrive all in one second either. */
const AT_ONCE = 20;
const UPDATE_INTERVAL_MS = 30_000;
const PATIENCE_MS = 120_000;

/** That an agent has to try again to connect, where all come at once, is nothing to tell. */
const silent = (): void => undefined;
const complain = (fields: object, message: string): void => console.error(message, fields);
const LOG: Logger = { debug: silent, info: silent, warn: silent, error: complain };

process.once('disconnect', () => process.exit());
const { count, connection, folder } = job<AgentsJob>();
const ca = await readFile(connection.caFile, 'utf8');
const agents: Agent[] = [];
const givingUpAt = performance.now() + PATIENCE_MS;
for (let number = 0; number < count; number += 1) {
  agents.push(await start(number));
  await untilConnected(agents.length - AT_ONCE);
}
await untilConnected(count);
say({ connected: connected() } satisfies AgentsReady);
// Timers of agents keep no process alive.
setInterval(() => undefined, UPDATE_INTERVAL_MS);

function connected(): number {
  return agents.filter((agent) => agent.connected()).length;
}

async function untilConnected(wanted: number): Promise<void> {
  while (connected() < wanted && performance.now() < givingUpAt) await sleep(10);
}

async function start(number: number): Promise<Agent> {
  const hostname = `bench-${number}`;
  const state = join(folder, String(number));
  await mkdir(state, { recursive: true });
  const settings = { hostname, osFamily: 'linux', memoryBytes: 64 * 2 ** 30, cpus: 32, gpus: 1 } as const;
  const simulated = { ...settings, latencyMs: { min: 0, max: 0 }, failureRate: 0, capacity: -1, unknownOwners: [] };
  const [clock, random] = [systemClock, systemRandom];
  const simulation = await createSimulatedDriver(simulated, { shelf: createMemoryShelf(), clock, random });
  // Nothing happens on these hosts behind the agent's back, so there is nothing to call it for between two looks.
  const driver = { ...simulation, watch: () => undefined };
  const target = { host: connection.agentHost, port: connection.agentPort };
  const softwareStatementPath = connection.softwareStatementFile;
  const path = join(state, 'credentials.json');
  const credentials = createCredentials({ clock, log: LOG, clientName: hostname, softwareStatementPath, path });
  const limits = { maxVirtualSessions: -1, maxSessionsPerUser: -1 };
  return startAgent({
    serverId: serverId(Buffer.from(hostname).toString('base64')),
    link: createBrokerLink({
      brokers: createBrokers([target], async (host) => [host], random),
      open: (broker) => createBrokerHttp(broker, { ca, tlsStrict: true }),
      credentials,
      log: LOG,
    }),
    driver,
    describe: () => describeServer(driver, limits, createTagReader([], LOG)),
    outbox: createMemoryLog(),
    journal: createMemoryLog(),
    clock,
    random,
    log: LOG,
    settings: { folders: { initFolder: state, autorunFolder: state }, updateIntervalMs: UPDATE_INTERVAL_MS, outboxLimit: 10_000 },
  });
}

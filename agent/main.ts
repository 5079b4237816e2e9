/** The agent's composition root: from a configuration and the outer world to a running agent. It ends no process and reads no environment. */
import { lookup } from 'node:dns/promises';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '../adapters/logging.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import { startAgent } from './agent.ts';
import { createBrokerHttp } from './broker-http.ts';
import { type BrokerAddress, createBrokers, type Resolve } from './brokers.ts';
import type { AgentConfig } from './config.ts';
import { createCredentials } from './credentials.ts';
import { describeServer } from './description.ts';
import { createDcvDriver } from './drivers/dcv.ts';
import type { Driver } from './drivers/driver.ts';
import { createSimulatedDriver } from './drivers/simulated.ts';
import { createFileShelf } from './drivers/simulated-sessions.ts';
import { createFileLog } from './file-storage.ts';
import { keptServerId } from './identity.ts';
import { createBrokerLink } from './link.ts';
import { createNodeHostFacts } from './node-host-facts.ts';
import { createSeededFraction } from './seeded.ts';

export interface AgentPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** In the place of the one that the configuration names. */
  readonly driver?: Driver | undefined;
  /** Absent: as the operating system does it. */
  readonly resolve?: Resolve | undefined;
}

export interface RunningAgent {
  /** Whether a broker has welcomed it. */
  connected(): boolean;
  /** Waits for orders under way and hangs up. Sessions live on. */
  stop(): Promise<void>;
}

/** Timers of the ports keep no process alive, so this one does while the agent waits for its broker. */
const LONG_MS = 2 ** 30;

/** Resolves when the agent has read its state and begun to look for its broker. Rejects with a ConfigError or what the file system says. */
export async function runAgent(config: AgentConfig, ports: AgentPorts): Promise<RunningAgent> {
  const { clock, random, logger: log } = ports;
  const { stateFolder, softwareStatementPath } = config;
  const stateFile = (name: string): string => join(stateFolder, name);
  // What is above it others may pass through, because sessions run programs from below it.
  await mkdir(dirname(stateFolder), { recursive: true });
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const driver = ports.driver ?? (await createDriver(config, ports));
  const { hostname } = await driver.describe();
  const ca = config.caFile === undefined ? undefined : await readFile(config.caFile, 'utf8');
  const brokers = createBrokers(config.brokers, ports.resolve ?? addressesOf, random);
  const open = (broker: BrokerAddress) => createBrokerHttp(broker, { ca, tlsStrict: config.tlsStrict });
  const path = stateFile('credentials.json');
  const credentials = createCredentials({ clock, log, clientName: hostname, softwareStatementPath, path });
  const agent = await startAgent({
    serverId: await keptServerId(stateFolder, hostname, random),
    link: createBrokerLink({ brokers, open, credentials, log }),
    driver,
    describe: () => describeServer(driver, config, log),
    outbox: createFileLog(stateFile('outbox.jsonl'), log),
    journal: createFileLog(stateFile('journal.jsonl'), log),
    clock,
    random,
    log,
    settings: { folders: config, updateIntervalMs: config.updateIntervalMs, outboxLimit: config.outboxLimit },
  });
  const alive = setInterval(() => undefined, LONG_MS);
  return {
    connected: () => agent.connected(),
    async stop() {
      clearInterval(alive);
      await agent.stop();
    },
  };
}

/** As the operating system looks names up. */
export const addressesOf: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

async function createDriver(config: AgentConfig, { clock, random, logger: log }: AgentPorts): Promise<Driver> {
  const { driver, simulated, stateFolder, dcvPath } = config;
  if (driver === 'dcv') {
    const host = createNodeHostFacts(config.preferredNetworkInterface);
    const isRoot = process.getuid?.() === 0;
    return createDcvDriver({ dcvPath, folders: config, stateFolder, isRoot }, { host, clock, log });
  }
  const chance = simulated.seed === undefined ? random : { ...random, fraction: createSeededFraction(simulated.seed) };
  return createSimulatedDriver(simulated, { shelf: createFileShelf(join(stateFolder, 'simulated-sessions.json')), clock, random: chance });
}

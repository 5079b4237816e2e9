/** The agent's composition root: from a configuration and the outer world to a running agent. It ends no process and reads no environment. */
import { lookup } from 'node:dns/promises';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '../adapters/logging.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import { startAgent } from './agent.ts';
import { createBrokerHttp, readTrust } from './broker-http.ts';
import { type BrokerAddress, createBrokers, type Resolve } from './brokers.ts';
import type { AgentConfig } from './config.ts';
import { createCredentials } from './credentials.ts';
import { describeServer } from './description.ts';
import { createDcvDriver } from './drivers/dcv.ts';
import type { Driver } from './drivers/driver.ts';
import { createSimulatedDriver } from './drivers/simulated.ts';
import { createFileShelf } from './drivers/simulated-sessions.ts';
import { createFileLog } from './file-storage.ts';
import { watchFolders } from './folder-watch.ts';
import { createHostFacts, type Machine, thisMachine } from './host-facts/host-facts.ts';
import { readHostMarks } from './host-facts/marks.ts';
import { keptServerId, STATE_FILES } from './identity.ts';
import { createBrokerLink } from './link.ts';
import { createSeededFraction } from './seeded.ts';
import { createTagReader } from './tags.ts';

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
  const stateFile = (name: keyof typeof STATE_FILES): string => join(stateFolder, STATE_FILES[name]);
  // What is above it others may pass through, because sessions run programs from below it.
  await mkdir(dirname(stateFolder), { recursive: true });
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const machine = thisMachine(clock);
  const driver = ports.driver ?? (await createDriver(config, machine, ports));
  const { hostname } = await driver.describe();
  const marks = config.driver === 'simulated' ? { instanceId: config.simulated.awsInstanceId } : await readHostMarks(machine);
  const brokers = createBrokers(config.brokers, ports.resolve ?? addressesOf, random);
  const open = async (broker: BrokerAddress) => createBrokerHttp(broker, await readTrust(config));
  const path = stateFile('credentials');
  const credentials = createCredentials({ clock, log, clientName: hostname, softwareStatementPath, path });
  const readTags = createTagReader(config.tagsFolders, log);
  const agent = await startAgent({
    serverId: await keptServerId({ stateFolder, hostname, marks, random, log }),
    run: random.uuid(),
    link: createBrokerLink({ brokers, open, credentials, log }),
    driver,
    describe: () => describeServer(driver, config, readTags),
    watchFiles: (changed) => watchFolders(config.tagsFolders, clock, changed),
    outbox: createFileLog(stateFile('outbox'), log),
    journal: createFileLog(stateFile('journal'), log),
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

async function createDriver(config: AgentConfig, machine: Machine, { clock, random, logger: log }: AgentPorts): Promise<Driver> {
  const { driver, simulated, stateFolder, dcvPath } = config;
  if (driver === 'dcv') {
    const host = createHostFacts(config, { clock, log }, machine);
    const isRoot = process.getuid?.() === 0;
    return createDcvDriver({ dcvPath, folders: config, stateFolder, isRoot }, { host, clock, log });
  }
  const chance = simulated.seed === undefined ? random : { ...random, fraction: createSeededFraction(simulated.seed) };
  return createSimulatedDriver(simulated, { shelf: createFileShelf(join(stateFolder, 'simulated-sessions.json')), clock, random: chance });
}

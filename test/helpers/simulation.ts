/**
 * A broker and its fleet in one process under a simulated clock and a seeded generator. Everything is real but the wire, the disk of the log and
 * the DCV servers: the same core, the same registry of connections, the same agents. The wire may be cut, hosts may reboot, brokers may die.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Core, startCore } from '../../adapters/core.ts';
import type { OrderStream } from '../../adapters/http/agent-connection.ts';
import { type AgentConnections, createAgentConnections } from '../../adapters/http/agent-connections.ts';
import { createMemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import { type Agent, startAgent } from '../../agent/agent.ts';
import type { BrokerConnection, BrokerLink, LinkHandlers } from '../../agent/broker-link.ts';
import { createSimulatedDriver, type SimulatedDriver, type SimulatedSettings } from '../../agent/drivers/simulated.ts';
import { createMemoryShelf, type SessionShelf } from '../../agent/drivers/simulated-sessions.ts';
import { createMemoryLog, type RecordLog } from '../../agent/storage.ts';
import { clientId, type ServerId, serverId } from '../../domain/ids.ts';
import type { Greeting, Order } from '../../domain/ports/agent-link.ts';
import type { Random } from '../../domain/ports/clock.ts';
import { LIMITS, SILENT } from './core.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock, turn } from './simulated-clock.ts';

/** Slower than in production, so that a simulated day is not mostly heartbeats. */
const CONNECTIONS = { heartbeatMs: 30_000, silenceMs: 80_000, graceMs: 4_000 };

/** One host with its agent. */
export interface SimulatedServer {
  readonly id: ServerId;
  readonly settings: SimulatedSettings;
  driver(): SimulatedDriver;
  /** The sessions that are alive on the host, whatever its DCV server would say. */
  alive(): ReturnType<SessionShelf['load']>;
  /** Nothing gets through in either direction, and nobody is told. */
  cut: boolean;
  /** The agent ends and starts again; its sessions live on. */
  restartAgent(): Promise<void>;
  /** The same, and all its sessions are gone. */
  reboot(): Promise<void>;
}

export interface Simulation {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly servers: readonly SimulatedServer[];
  readonly store: ReturnType<typeof createMemoryStore>;
  /** What the broker logged as errors. */
  readonly faults: readonly unknown[];
  /** Undefined while the broker is down. */
  core(): Core | undefined;
  /** The broker ends without a word and starts again later. */
  crashBroker(downMs: number): void;
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly servers: readonly SimulatedSettings[];
}

export async function createSimulation({ seed, servers: settings }: SimulationOptions): Promise<Simulation> {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'berth-simulation-'));
  const store = createMemoryStore();
  const network: Network = { calls: 0, broker: undefined };
  const faults: unknown[] = [];
  const logger = { ...SILENT, error: (fields: object, message: string) => faults.push({ message, ...fields }) };
  let ending: Promise<void> = Promise.resolve();

  async function startBroker(): Promise<void> {
    await ending;
    const log = openMemoryEventLog(store);
    const database = await openReadDatabase(join(folder, 'read-models.sqlite'), { logger: SILENT });
    const connections = createAgentConnections({ clock, random }, CONNECTIONS);
    const ports = {
      log,
      database,
      link: connections,
      clock,
      random,
      logger,
      issueConnectionToken: async () => 'token',
    };
    const core = await startCore({ ...ports, fatal: rethrow }, { ...LIMITS, queueSize: 1_000_000 });
    connections.start(core.reception);
    const stop = async () => {
      connections.close();
      await core.stop();
      await log.close();
      await database.close();
    };
    network.broker = { core, connections, stop };
  }

  function stopBroker(): void {
    const { broker } = network;
    network.broker = undefined;
    ending = broker?.stop() ?? ending;
  }

  /** Until nothing is under way that needs no time to pass. */
  async function settle(): Promise<void> {
    await turn();
    await network.broker?.core.idle();
    while (network.calls > 0) await turn();
  }

  await startBroker();
  const servers = await Promise.all(settings.map((each, index) => startServer(index, each, { clock, random, network })));
  return {
    clock,
    random,
    servers,
    store,
    faults,
    core: () => network.broker?.core,
    crashBroker(downMs) {
      stopBroker();
      clock.after(downMs, () => track(network, startBroker()));
    },
    pass: (ms) => clock.advance(ms, settle),
    async stop() {
      for (const server of servers) await server.stop();
      stopBroker();
      await ending;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function rethrow(error: Error): never {
  throw error;
}

interface Network {
  /** Calls under way from agents to the broker. */
  calls: number;
  broker: { readonly core: Core; readonly connections: AgentConnections; stop(): Promise<void> } | undefined;
}

async function track<T>(network: Network, call: Promise<T>): Promise<T> {
  network.calls += 1;
  try {
    return await call;
  } finally {
    network.calls -= 1;
  }
}

interface World {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly network: Network;
}

async function startServer(index: number, settings: SimulatedSettings, world: World): Promise<SimulatedServer & { stop(): Promise<void> }> {
  const { clock, random } = world;
  const id = serverId(Buffer.from(`host-${index}`).toString('base64'));
  const [outbox, journal] = [createMemoryLog(), createMemoryLog()];
  let shelf: SessionShelf = createMemoryShelf();
  let driver: SimulatedDriver;
  let agent: Agent;

  async function start(): Promise<void> {
    driver = await createSimulatedDriver(settings, { shelf, clock, random });
    agent = await startAgent({
      serverId: id,
      link: createWire(server, world),
      driver,
      describe: async () => ({
        ...(await driver.describe()),
        agentVersion: 'simulated',
        tags: [{ key: 'rack', value: String(index % 7) }],
        maxVirtualSessions: settings.capacity,
        maxSessionsPerOwner: -1,
      }),
      outbox: keptOpen(outbox),
      journal: keptOpen(journal),
      clock,
      random,
      log: SILENT,
      settings: { folders: { initFolder: '/init', autorunFolder: '/autorun' }, updateIntervalMs: 120_000, outboxLimit: 10_000 },
    });
  }

  const server: SimulatedServer & { stop(): Promise<void> } = {
    id,
    settings,
    cut: false,
    driver: () => driver,
    alive: () => shelf.load(),
    async restartAgent() {
      const stopped = agent;
      // Orders under way need time to pass before they end, and the new agent must not start before.
      await stopped.stop();
      await start();
    },
    async reboot() {
      shelf = createMemoryShelf();
      await this.restartAgent();
    },
    stop: () => agent.stop(),
  };
  await start();
  return server;
}

/** A restarted agent finds what the former one left. */
const keptOpen = (log: RecordLog): RecordLog => ({ ...log, close: async () => undefined });

/** The agent's port to the broker without HTTP between them. */
function createWire(server: SimulatedServer, { network, clock }: World): BrokerLink {
  const client = clientId(`agent of ${server.id}`);
  const isUp = () => !server.cut && network.broker !== undefined;

  async function connect(greeting: Greeting, handlers: LinkHandlers): Promise<BrokerConnection> {
    const { broker } = network;
    if (broker === undefined || server.cut) throw new Error('No answer.');
    const arrival = broker.connections.arriving(server.id, client);
    const answer = await track(network, broker.core.reception.greeted(greeting, client));
    if ('rejected' in answer) {
      arrival.turnedAway();
      throw new Error(answer.rejected);
    }
    const welcome = arrival.welcomed();
    if (welcome === undefined) throw new Error('The broker holds as many connections as it may.');
    const stream = createStream(server, handlers, clock);
    if (!broker.connections.attach(welcome.connectionId, client, () => stream)) throw new Error('The connection was replaced.');
    return {
      welcome,
      async report(reports, telemetry) {
        await across(server, clock);
        if (network.broker === undefined || network.broker.connections.heard(welcome.connectionId, client) === undefined) {
          handlers.closed('The broker does not know this connection.');
          throw new Error('reconnect');
        }
        if (telemetry !== undefined) network.broker.core.reception.telemetry(server.id, telemetry);
        const acknowledged = await track(network, network.broker.core.reception.reported(server.id, reports));
        if (!isUp()) throw new Error('The answer was lost.');
        return acknowledged;
      },
      screenshots: async () => undefined,
      close: () => stream.destroy(),
    };
  }

  return { connect: (greeting, handlers) => connect(greeting, handlers), close: async () => undefined };
}

/** What is sent into a cut wire arrives when the wire is mended, as TCP has it, unless the sender's patience ends before. */
async function across(server: SimulatedServer, clock: SimulatedClock): Promise<void> {
  for (let waited = 0; server.cut; waited += AGAIN_MS) {
    if (waited >= ANSWER_TIMEOUT_MS) throw new Error('No answer in time.');
    await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
  }
}

/** As the agent's HTTP client has it. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Until something lost on the way is sent again. */
const AGAIN_MS = 1000;

/** An order stream that hands its orders to the agent, in order, when the wire is not cut. */
function createStream(server: SimulatedServer, handlers: LinkHandlers, clock: SimulatedClock): OrderStream {
  let isOpen = true;
  const closing: (() => void)[] = [];
  const underWay: string[] = [];

  function arrive(): void {
    if (!isOpen || underWay.length === 0) return;
    if (server.cut) return void clock.after(AGAIN_MS, arrive);
    for (const text of underWay.splice(0)) {
      const [, data] = /^data: ?(.*)$/m.exec(text) ?? [];
      handlers.alive();
      if (data !== undefined) handlers.order(JSON.parse(data) as Order);
    }
  }

  const stream = {
    writableLength: 0,
    write(text: string) {
      underWay.push(text);
      if (underWay.length === 1) clock.after(5, arrive);
      return true;
    },
    destroy() {
      if (!isOpen) return stream;
      isOpen = false;
      for (const action of closing) action();
      if (!server.cut) clock.after(5, () => handlers.closed('The stream was closed.'));
      return stream;
    },
    once(_event: string, action: () => void) {
      closing.push(action);
      return stream;
    },
  };
  return stream as unknown as OrderStream;
}

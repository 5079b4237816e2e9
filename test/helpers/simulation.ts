/**
 * A broker and its fleet in one process under a simulated clock and a seeded generator. Everything is real but the wire, the disk of the log and
 * the DCV servers: the same core, the same registry of connections, the same agents. The wire may be cut, hosts may reboot, brokers may die.
 */
import { type Core, type CoreLimits, startCore } from '../../adapters/core.ts';
import type { ConnectionSettings } from '../../adapters/http/agent-connection.ts';
import { createAgentConnections } from '../../adapters/http/agent-connections.ts';
import { createMemoryStore, type MemoryStore } from '../../adapters/memory/event-log.ts';
import { createMemoryLocks } from '../../adapters/memory/locks.ts';
import type { Random } from '../../domain/ports/clock.ts';
import { LIMITS, SILENT } from './core.ts';
import type { Foundation, Ground } from './ground.ts';
import { BROKER } from './samples.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock, turn } from './simulated-clock.ts';
import { type ServerSettings, type SimulatedServer, startServer } from './simulated-server.ts';
import { type Network, type RunningBroker, track } from './simulated-wire.ts';

/** Slower than in production, so that a simulated day is not mostly heartbeats. */
const CONNECTIONS = { heartbeatMs: 30_000, silenceMs: 80_000, graceMs: 4_000 };

/** Until a broker that did not start is started again. */
const SUPERVISOR_MS = 1000;

export interface Simulation {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly servers: readonly SimulatedServer[];
  readonly store: MemoryStore;
  /** What the broker logged as errors. */
  readonly faults: readonly unknown[];
  /** Undefined while the broker is down. */
  core(): Core | undefined;
  /** The broker ends and starts again later. Without effect while it is down, as the next. */
  restartBroker(downMs: number): void;
  /** Its process is killed in the middle of what it does, and started again later. */
  killBroker(downMs: number): void;
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export interface SimulationOptions {
  readonly seed: number;
  readonly servers: readonly ServerSettings[];
  readonly connections?: Partial<ConnectionSettings>;
  readonly limits?: Partial<CoreLimits>;
  readonly ground: Ground;
}

interface Broker extends RunningBroker {
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export async function createSimulation({ seed, servers: settings, ground, ...options }: SimulationOptions): Promise<Simulation> {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const store = createMemoryStore();
  const faults: unknown[] = [];
  const network: Network & { broker: Broker | undefined } = { calls: 0, broker: undefined };
  let ending: Promise<void> = Promise.resolve();

  /** One that cannot start ends, and is started again, as a supervisor would. */
  async function startBroker(): Promise<void> {
    await ending;
    const foundation = await ground.open(store, clock);
    try {
      network.broker = await openBroker(foundation, { random, faults, ...options });
    } catch (err) {
      faults.push({ message: 'The broker did not start.', err });
      await foundation.die();
      clock.after(SUPERVISOR_MS, () => void track(network, startBroker()));
    }
  }

  function endBroker(how: 'stop' | 'kill', downMs: number): void {
    const { broker } = network;
    if (broker === undefined) return;
    network.broker = undefined;
    ending = broker[how]();
    clock.after(downMs, () => void track(network, startBroker()));
  }

  /** Until nothing is under way that needs no time to pass. */
  async function settle(): Promise<void> {
    await turn();
    await ground.settle({ core: network.broker?.core, calls: () => network.calls });
  }

  await Promise.all([startBroker(), settle()]);
  const servers = await Promise.all(settings.map((each, index) => startServer(index, each, { clock, random, network })));
  return {
    clock,
    random,
    servers,
    store,
    faults,
    core: () => network.broker?.core,
    restartBroker: (downMs) => endBroker('stop', downMs),
    killBroker: (downMs) => endBroker('kill', downMs),
    pass: (ms) => clock.advance(ms, settle),
    async stop() {
      for (const server of servers) server.kill();
      await (network.broker?.kill() ?? ending);
      await ground.close();
    },
  };
}

type BrokerDeps = Pick<SimulationOptions, 'connections' | 'limits'> & { readonly random: Random; readonly faults: unknown[] };

async function openBroker(foundation: Foundation, { random, faults, ...options }: BrokerDeps): Promise<Broker> {
  const { clock, log, database } = foundation;
  const logger = { ...SILENT, error: (fields: object, message: string) => void faults.push({ message, ...fields }) };
  const connections = createAgentConnections({ clock, random }, options.connections ?? CONNECTIONS);
  const issueConnectionToken = async () => 'token';
  const fatal = (err: Error) => void faults.push({ message: 'fatal', err });
  const ports = {
    clock,
    log,
    locks: createMemoryLocks(),
    self: BROKER,
    database,
    link: connections,
    random,
    logger,
    issueConnectionToken,
    fatal,
  };
  const core = await startCore(ports, { ...LIMITS, queueSize: 1_000_000, ...options.limits });
  connections.start(core.reception);
  let vanish = (_: Error): void => undefined;
  const gone = new Promise<never>((_, reject) => {
    vanish = reject;
  });
  gone.catch(() => undefined);

  /** Its sockets close with the process. */
  function hangUp(): void {
    connections.close();
    vanish(new Error('The broker is gone.'));
  }

  return {
    core,
    connections,
    gone,
    async stop() {
      hangUp();
      await core.stop();
      await foundation.close();
    },
    async kill() {
      hangUp();
      await foundation.die();
    },
  };
}

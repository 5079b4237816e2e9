/**
 * Brokers and their fleet in one process under a simulated clock and a seeded generator. Everything is real but the wire, the disk of the log and
 * the DCV servers: the same core, the same registry of connections, the same agents. The wire may be cut, hosts may reboot, brokers may die.
 */
import { type Core, type CoreLimits, startCore } from '../../adapters/core.ts';
import type { ConnectionSettings } from '../../adapters/http/agent-connection.ts';
import { createAgentConnections } from '../../adapters/http/agent-connections.ts';
import { createMemoryStore, type MemoryStore } from '../../adapters/memory/event-log.ts';
import { type BrokerId, brokerId } from '../../domain/ids.ts';
import type { Random } from '../../domain/ports/clock.ts';
import { LIMITS, SILENT } from './core.ts';
import type { Foundation, Ground } from './ground.ts';
import { BROKER } from './samples.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock, turn } from './simulated-clock.ts';
import { createMortalLocks, type MortalLocks } from './simulated-locks.ts';
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
  /** What brokers logged as errors. */
  readonly faults: readonly unknown[];
  /** One of the brokers that run, another one every time; undefined while all are down. */
  core(): Core | undefined;
  cores(): readonly Core[];
  /** A broker ends and starts again later. Without effect while it is down, as the next. `which` is taken modulo their number. */
  restartBroker(downMs: number, which: number): void;
  /** Its process is killed in the middle of what it does, and started again later. */
  killBroker(downMs: number, which: number): void;
  /** Others may take the locks of this broker, which learns of that only later. */
  seizeLocks(which: number, unawareMs: number): void;
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
  readonly locks: MortalLocks;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export async function createSimulation({ seed, servers: settings, ground, ...options }: SimulationOptions): Promise<Simulation> {
  const clock = createSimulatedClock();
  const random = createSeededRandom(seed);
  const store = createMemoryStore();
  const faults: unknown[] = [];
  const newLocks = createMortalLocks(clock);
  const brokers: (Broker | undefined)[] = Array.from({ length: ground.places });
  const endings: Promise<void>[] = [];
  const running = () => brokers.filter((broker) => broker !== undefined);
  const network: Network = {
    calls: 0,
    broker: () => running()[Math.floor(random.fraction() * running().length)],
    isUp: (broker) => brokers.some((each) => each === broker),
  };
  let asked = 0;

  /** One that cannot start ends, and is started again, as a supervisor would. */
  async function startBroker(place: number): Promise<void> {
    await endings[place];
    const foundation = await ground.open(store, clock, place);
    const own = newLocks(identityOf(place));
    try {
      brokers[place] = await openBroker(foundation, { random, faults, locks: own, self: identityOf(place), ...options });
    } catch (err) {
      faults.push({ message: 'The broker did not start.', err });
      own.die();
      await foundation.die();
      clock.after(SUPERVISOR_MS, () => void track(network, startBroker(place)));
    }
  }

  function endBroker(how: 'stop' | 'kill', downMs: number, which: number): void {
    const place = which % ground.places;
    const broker = brokers[place];
    if (broker === undefined) return;
    brokers[place] = undefined;
    endings[place] = broker[how]();
    clock.after(downMs, () => void track(network, startBroker(place)));
  }

  function core(): Core | undefined {
    const up = running();
    asked += 1;
    return up[asked % up.length]?.core;
  }

  const cores = () => running().map((broker) => broker.core);

  /** Until nothing is under way that needs no time to pass. */
  async function settle(): Promise<void> {
    await turn();
    await ground.settle({ cores: cores(), calls: () => network.calls });
  }

  await Promise.all([...brokers.keys()].map(startBroker).concat(settle()));
  const servers = await Promise.all(settings.map((each, index) => startServer(index, each, { clock, random, network })));
  return {
    clock,
    random,
    servers,
    store,
    faults,
    core,
    cores,
    restartBroker: (downMs, which) => endBroker('stop', downMs, which),
    killBroker: (downMs, which) => endBroker('kill', downMs, which),
    seizeLocks: (which, unawareMs) => brokers[which % ground.places]?.locks.seize(unawareMs),
    pass: (ms) => clock.advance(ms, settle),
    async stop() {
      for (const server of servers) server.kill();
      await Promise.all(endings);
      for (const broker of running()) await broker.kill();
      await ground.close();
    },
  };
}

/** The first has the id that tests know. */
const identityOf = (place: number): BrokerId => (place === 0 ? BROKER : brokerId(`broker-${place}`));

type BrokerDeps = Pick<SimulationOptions, 'connections' | 'limits'> & {
  readonly random: Random;
  readonly faults: unknown[];
  readonly locks: MortalLocks;
  readonly self: BrokerId;
};

async function openBroker(foundation: Foundation, { random, faults, locks, self, ...options }: BrokerDeps): Promise<Broker> {
  const { clock, log, database } = foundation;
  const logger = { ...SILENT, error: (fields: object, message: string) => void faults.push({ message, ...fields }) };
  const connections = createAgentConnections({ clock, random }, options.connections ?? CONNECTIONS);
  const issueConnectionToken = async () => 'token';
  const fatal = (err: Error) => void faults.push({ message: 'fatal', err });
  const ports = {
    clock,
    log,
    locks,
    self,
    database,
    link: connections,
    random,
    logger,
    issueConnectionToken,
    fatal,
  };
  const core = await startCore(ports, { ...LIMITS, queueSize: 1_000_000, ...options.limits });
  connections.start(core.reception);
  await core.join({ host: self, url: `https://${self}:8445` });
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
    locks,
    gone,
    async stop() {
      hangUp();
      await core.stop();
      locks.die();
      await foundation.close();
    },
    async kill() {
      hangUp();
      locks.die();
      await foundation.die();
    },
  };
}

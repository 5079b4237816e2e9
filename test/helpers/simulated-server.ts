/** One host of a simulation with the agent on it. The agent may be stopped or killed, the host may lose its power. */
import { type Agent, type AgentDeps, startAgent } from '../../agent/agent.ts';
import { createSimulatedDriver, type SimulatedDriver, type SimulatedSettings } from '../../agent/drivers/simulated.ts';
import { createMemoryShelf, type SessionShelf } from '../../agent/drivers/simulated-sessions.ts';
import { createMemoryLog, type RecordLog } from '../../agent/storage.ts';
import { type ServerId, serverId } from '../../domain/ids.ts';
import type { Clock, Random } from '../../domain/ports/clock.ts';
import { SILENT } from './core.ts';
import { createLife, type Life, mortal, mortalClock } from './life.ts';
import { createWire, type Network, type Wire } from './simulated-wire.ts';

export interface ServerSettings extends SimulatedSettings {
  /** As the agent announces it; absent: what fits on the host. -1 is no limit. */
  readonly maxVirtualSessions?: number | undefined;
  /** Absent: no limit. */
  readonly maxSessionsPerOwner?: number | undefined;
}

export interface SimulatedServer {
  readonly id: ServerId;
  readonly settings: ServerSettings;
  readonly wire: Pick<Wire, 'cut' | 'breakDown'>;
  driver(): SimulatedDriver;
  /** The sessions that are alive on the host, whatever its DCV server would say. */
  alive(): ReturnType<SessionShelf['load']>;
  /** The agent ends and starts again; its sessions live on. Without effect, as are the others, while it is down already. */
  restartAgent(): Promise<void>;
  /** The same, and all sessions are gone. */
  reboot(): Promise<void>;
  /** The agent is killed in the middle of what it does, and started again later. */
  killAgent(downMs: number): void;
  /** The host loses its power, and all its sessions, and is up again later. */
  losePower(downMs: number): void;
}

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
}

interface Running {
  readonly agent: Agent;
  readonly life: Life;
}

export async function startServer(index: number, settings: ServerSettings, world: World): Promise<SimulatedServer & { kill(): void }> {
  const { clock, random } = world;
  const id = serverId(Buffer.from(`host-${index}`).toString('base64'));
  const wire = createWire(id, world);
  const storage = { outbox: keptOpen(createMemoryLog()), journal: keptOpen(createMemoryLog()) };
  let shelf = createMemoryShelf();
  let driver = await createSimulatedDriver(settings, { shelf, clock, random });
  let running: Running | undefined;

  async function start(): Promise<void> {
    const life = createLife();
    const deps = { ...storage, link: { connect: wire.connect, close: wire.close }, driver };
    const agent = await startAgent({
      serverId: id,
      outbox: mortal(deps.outbox, life),
      journal: mortal(deps.journal, life),
      link: { ...mortal(deps.link, life), turn: wire.turn, brokers: wire.brokers },
      driver: mortal(deps.driver, life),
      clock: mortalClock(clock, life),
      describe: describeWith(driver, settings, index),
      random,
      log: SILENT,
      settings: { folders: { initFolder: '/init', autorunFolder: '/autorun' }, updateIntervalMs: 120_000, outboxLimit: 10_000 },
    });
    running = { agent, life };
  }

  async function boot(): Promise<void> {
    shelf = createMemoryShelf();
    driver = await createSimulatedDriver(settings, { shelf, clock, random });
  }

  /** Orders under way need time to pass before they end, and the new agent must not start before. */
  async function restart(between: () => Promise<void>): Promise<void> {
    const stopped = running;
    if (stopped === undefined) return;
    running = undefined;
    await stopped.agent.stop();
    await between();
    await start();
  }

  /** A host without power cannot tell anybody that its agent is gone. */
  function kill(downMs: number, isHostDown: boolean): void {
    if (running === undefined) return;
    running.life.end();
    running = undefined;
    driver.watch(undefined);
    wire.drop(!isHostDown);
    if (isHostDown) shelf = createMemoryShelf();
    clock.after(downMs, () => void (isHostDown ? boot() : Promise.resolve()).then(start));
  }

  await start();
  return {
    id,
    settings,
    wire,
    driver: () => driver,
    alive: () => shelf.load(),
    restartAgent: () => restart(async () => undefined),
    reboot: () => restart(boot),
    killAgent: (downMs) => kill(downMs, false),
    losePower: (downMs) => kill(downMs, true),
    kill() {
      running?.life.end();
      running = undefined;
    },
  };
}

function describeWith(driver: SimulatedDriver, settings: ServerSettings, index: number): AgentDeps['describe'] {
  return async () => ({
    ...(await driver.describe()),
    agentVersion: 'simulated',
    tags: [{ key: 'rack', value: String(index % 7) }],
    maxVirtualSessions: settings.maxVirtualSessions ?? settings.capacity,
    maxSessionsPerOwner: settings.maxSessionsPerOwner ?? -1,
  });
}

/** A restarted agent finds what the former one left. */
const keptOpen = (log: RecordLog): RecordLog => ({ ...log, close: async () => undefined });

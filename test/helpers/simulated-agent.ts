/** An agent in memory under a simulated clock, with a broker that a test plays by hand. */
import { type Agent, startAgent } from '../../agent/agent.ts';
import type { BrokerLink, LinkHandlers, ScreenshotOutcome } from '../../agent/broker-link.ts';
import { describeServer } from '../../agent/description.ts';
import type { Driver } from '../../agent/drivers/driver.ts';
import { createSimulatedDriver, type SimulatedDriver, type SimulatedSettings } from '../../agent/drivers/simulated.ts';
import { createMemoryShelf, type SessionShelf } from '../../agent/drivers/simulated-sessions.ts';
import { createMemoryLog, type RecordLog } from '../../agent/storage.ts';
import { createTagReader } from '../../agent/tags.ts';
import { serverId } from '../../domain/ids.ts';
import type { Greeting, Report, Telemetry } from '../../domain/ports/agent-link.ts';
import { recordingLogger } from './real-agent.ts';
import { createSeededRandom, createSimulatedClock, type SimulatedClock } from './simulated-clock.ts';

export const HOST: SimulatedSettings = {
  hostname: 'host-1',
  osFamily: 'linux',
  memoryBytes: 2 ** 34,
  cpus: 4,
  gpus: 0,
  latencyMs: { min: 100, max: 100 },
  failureRate: 0,
  capacity: -1,
  unknownOwners: ['nobody-here'],
};

/** What outlives an agent: make a second agent with it and it is the first one restarted. */
export interface Remains {
  readonly outbox: RecordLog;
  readonly journal: RecordLog;
  readonly shelf: SessionShelf;
  readonly clock: SimulatedClock;
}

export const newRemains = (): Remains => ({
  outbox: createMemoryLog(),
  journal: createMemoryLog(),
  shelf: createMemoryShelf(),
  clock: createSimulatedClock(),
});

/** The broker that the test plays. */
export interface PlayedBroker {
  readonly greetings: Greeting[];
  readonly reports: Report[];
  readonly telemetry: Telemetry[];
  readonly pictures: { readonly orderId: string; readonly outcome: ScreenshotOutcome }[];
  /** Posts, heartbeats included. */
  posts: number;
  closedByAgent: number;
  /** Why a greeting or a post fails; undefined: it does not. */
  down: string | undefined;
  /** Takes what the agent reports and acknowledges none of it. */
  deaf: boolean;
  /** What every post waits for. */
  hold: Promise<void>;
  /** How many it plays, and how often the agent has turned to another one. */
  brokers: number;
  turns: number;
  /** Of the newest connection. */
  handlers: LinkHandlers | undefined;
}

export interface SimulatedAgent {
  readonly agent: Agent;
  readonly driver: SimulatedDriver;
  readonly broker: PlayedBroker;
  readonly log: ReturnType<typeof recordingLogger>;
  readonly clock: SimulatedClock;
}

const WELCOME = { connectionId: 'connection', heartbeatMs: 3000, silenceMs: 8000 };

function playedBroker(): { readonly broker: PlayedBroker; readonly link: BrokerLink } {
  const broker: PlayedBroker = {
    greetings: [],
    reports: [],
    telemetry: [],
    pictures: [],
    posts: 0,
    closedByAgent: 0,
    down: undefined,
    deaf: false,
    hold: Promise.resolve(),
    brokers: 1,
    turns: 0,
    handlers: undefined,
  };
  const answering = async (): Promise<void> => {
    if (broker.down !== undefined) throw new Error(broker.down);
  };
  const link: BrokerLink = {
    async connect(greeting, handlers) {
      await answering();
      broker.greetings.push(greeting);
      broker.handlers = handlers;
      return {
        welcome: WELCOME,
        async report(reports, telemetry) {
          broker.posts += 1;
          await broker.hold;
          await answering();
          if (telemetry !== undefined) broker.telemetry.push(telemetry);
          if (broker.deaf) return [];
          broker.reports.push(...reports);
          return reports.map(({ reportId }) => reportId);
        },
        async screenshots(orderId, outcome) {
          await answering();
          broker.pictures.push({ orderId, outcome });
        },
        close() {
          broker.closedByAgent += 1;
        },
      };
    },
    turn() {
      broker.turns += 1;
    },
    brokers: () => broker.brokers,
    close: async () => undefined,
  };
  return { broker, link };
}

export interface SimulatedAgentOptions {
  readonly host?: Partial<SimulatedSettings>;
  readonly outboxLimit?: number;
  /** The driver as the agent sees it. */
  readonly altered?: (driver: Driver) => Driver;
}

export async function startSimulatedAgent(
  remains: Remains = newRemains(),
  { host = {}, outboxLimit = 100, altered = (driver) => driver }: SimulatedAgentOptions = {},
): Promise<SimulatedAgent> {
  const { clock, shelf } = remains;
  const random = createSeededRandom(7);
  const log = recordingLogger();
  const driver = await createSimulatedDriver({ ...HOST, ...host }, { shelf, clock, random });
  const seen = altered(driver);
  const { broker, link } = playedBroker();
  const limits = { maxVirtualSessions: 5, maxSessionsPerUser: 1 };
  const agent = await startAgent({
    serverId: serverId('c2VydmVyLTE'),
    link,
    driver: seen,
    describe: () => describeServer(seen, limits, createTagReader([], log)),
    outbox: remains.outbox,
    journal: remains.journal,
    clock,
    random,
    log,
    settings: { folders: { initFolder: '/init', autorunFolder: '/autorun' }, updateIntervalMs: 30_000, outboxLimit },
  });
  await clock.advance(0);
  return { agent, driver, broker, log, clock };
}

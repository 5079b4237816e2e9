/** The wire between simulated agents and the brokers of their simulation. What it carries takes a moment, and waits while it is cut. */
import type { Core } from '../../adapters/core.ts';
import type { OrderStream } from '../../adapters/http/agent-connection.ts';
import type { AgentConnections } from '../../adapters/http/agent-connections.ts';
import type { BrokerConnection, BrokerLink, LinkHandlers } from '../../agent/broker-link.ts';
import { clientId, type ServerId } from '../../domain/ids.ts';
import type { Greeting, Order } from '../../domain/ports/agent-link.ts';
import type { Clock } from '../../domain/ports/clock.ts';

export interface Network {
  /** Calls under way from agents to brokers. */
  calls: number;
  /** Any that runs. */
  broker(): RunningBroker | undefined;
  isUp(broker: RunningBroker): boolean;
}

export interface RunningBroker {
  readonly core: Core;
  readonly connections: AgentConnections;
  /** Rejects when its process ends. */
  readonly gone: Promise<never>;
}

/** One host's end. */
export interface Wire extends BrokerLink {
  /** Nothing gets through in either direction, and nobody is told. What is under way arrives when the cut is over, if anybody still waits for it. */
  cut: boolean;
  /** Something between the two closes the connection that stands: both sides see it. */
  breakDown(): void;
  /** The agent is gone, and its connection with it. The broker sees it if the host still lives to tell. */
  drop(isTold: boolean): void;
}

export interface WireDeps {
  readonly network: Network;
  readonly clock: Clock;
}

const TRANSIT_MS = 5;
/** After which an agent gives up a call that is not answered. */
const ANSWER_MS = 30_000;

export async function track<T>(network: Network, call: Promise<T>): Promise<T> {
  network.calls += 1;
  try {
    return await call;
  } finally {
    network.calls -= 1;
  }
}

export function createWire(serverId: ServerId, { network, clock }: WireDeps): Wire {
  const client = clientId(`agent of ${serverId}`);
  const cable = createCable(clock);
  let stream: Stream | undefined;
  /** Counts agents: what one of them began ends with it. */
  let generation = 0;

  /** What a broker that ends was asked is never answered: the socket breaks. */
  async function answered<T>(call: Promise<T>, gone: Promise<never>): Promise<T> {
    const answer = await track(network, Promise.race([call, gone]));
    await cable.clear();
    return answer;
  }

  async function connect(greeting: Greeting, handlers: LinkHandlers): Promise<BrokerConnection> {
    const broker = cable.isCut ? undefined : network.broker();
    if (broker === undefined) throw new Error('No answer.');
    const { core, connections, gone } = broker;
    const mine = generation;
    const arrival = connections.arriving(serverId, client);
    const answer = await answered(core.reception.greeted(greeting, client), gone);
    if (mine !== generation) return new Promise(() => undefined);
    if ('rejected' in answer) {
      arrival.turnedAway();
      throw new Error(answer.rejected);
    }
    const welcome = arrival.welcomed();
    if (welcome === undefined) throw new Error('The broker holds as many connections as it may.');
    const opened = createStream(cable, handlers);
    stream = opened;
    if (!connections.attach(welcome.connectionId, client, () => opened.brokerEnd)) throw new Error('The connection was replaced.');

    async function post(...[reports, telemetry]: Parameters<BrokerConnection['report']>): Promise<readonly string[]> {
      await cable.clear();
      if (broker === undefined || !network.isUp(broker)) throw new Error('No answer.');
      if (connections.heard(welcome?.connectionId ?? '', client) === undefined)
        throw new Error('The broker does not know this connection.');
      if (telemetry !== undefined) core.reception.telemetry(serverId, telemetry);
      return answered(core.reception.reported(serverId, reports), gone);
    }

    return {
      welcome,
      async report(reports, telemetry) {
        try {
          return await post(reports, telemetry);
        } catch (error) {
          opened.drop(true);
          handlers.closed(String(error));
          throw error;
        }
      },
      screenshots: async () => undefined,
      close: () => opened.drop(true),
    };
  }

  return {
    get cut() {
      return cable.isCut;
    },
    set cut(isCut) {
      cable.isCut = isCut;
    },
    breakDown: () => stream?.breakDown(),
    drop(isTold) {
      generation += 1;
      stream?.drop(isTold);
    },
    connect,
    turn: () => undefined,
    brokers: () => 1,
    close: async () => undefined,
  };
}

interface Cable {
  isCut: boolean;
  /** Resolves when there is no cut (any more); rejects when that takes too long for a call. */
  clear(): Promise<void>;
  /** Arrives a moment later, or after the cut; in order. */
  carry(arrive: () => void): void;
}

function createCable(clock: Clock): Cable {
  let isCut = false;
  let held: (() => void)[] = [];

  function deliver(arrive: () => void): void {
    if (isCut) held.push(arrive);
    else arrive();
  }

  return {
    get isCut() {
      return isCut;
    },
    set isCut(value) {
      isCut = value;
      const late = held;
      held = [];
      for (const arrive of late) deliver(arrive);
    },
    clear() {
      if (!isCut) return Promise.resolve();
      return new Promise((resolve, reject) => {
        held.push(resolve);
        clock.after(ANSWER_MS, () => reject(new Error('No answer in time.')));
      });
    },
    carry: (arrive) => void clock.after(TRANSIT_MS, () => deliver(arrive)),
  };
}

interface Stream {
  readonly brokerEnd: OrderStream;
  /** Something between the two closes it, for both. */
  breakDown(): void;
  /** The agent's end is closed; the broker hears of it or not. */
  drop(isTold: boolean): void;
}

/** An order stream that hands its orders to the agent. */
function createStream(cable: Cable, handlers: LinkHandlers): Stream {
  const closing: (() => void)[] = [];
  let isOpen = { broker: true, agent: true };

  function closeForBroker(): void {
    if (!isOpen.broker) return;
    isOpen = { ...isOpen, broker: false };
    for (const action of closing) action();
  }

  function closeForAgent(): void {
    if (!isOpen.agent) return;
    isOpen = { ...isOpen, agent: false };
    handlers.closed('The stream was closed.');
  }

  function arrive(text: string): void {
    if (!isOpen.agent) return;
    const [, data] = /^data: ?(.*)$/m.exec(text) ?? [];
    handlers.alive();
    if (data !== undefined) handlers.order(JSON.parse(data) as Order);
  }

  const brokerEnd = {
    writableLength: 0,
    write(text: string) {
      if (isOpen.broker) cable.carry(() => arrive(text));
      return true;
    },
    destroy() {
      closeForBroker();
      cable.carry(closeForAgent);
      return brokerEnd;
    },
    once(_event: string, action: () => void) {
      closing.push(action);
      return brokerEnd;
    },
  };
  return {
    brokerEnd: brokerEnd as unknown as OrderStream,
    breakDown() {
      cable.carry(closeForBroker);
      cable.carry(closeForAgent);
    },
    drop(isTold) {
      isOpen = { ...isOpen, agent: false };
      if (isTold) cable.carry(closeForBroker);
    },
  };
}

/**
 * Which agents are connected to this broker: who is behind a connection id, where their orders are written, and when they are given up.
 * One timer looks after all of them. It counts its own rounds instead of reading the clock, so that a clock that jumps, or a process
 * that was suspended, does not make every agent look dead.
 */
import type { ClientId, ServerId } from '../../domain/ids.ts';
import type { AgentLink, Welcome } from '../../domain/ports/agent-link.ts';
import type { Clock, Random, Timer } from '../../domain/ports/clock.ts';
import type { Reception } from '../../domain/ports/reception.ts';
import { CONNECTION_DEFAULTS, type Connection, type ConnectionSettings, connectionRules, type OrderStream } from './agent-connection.ts';
import { createArrivals } from './arrivals.ts';
import { createScreenshotDesk, type ScreenshotAnswer } from './screenshot-desk.ts';

/** The greeting that an agent's new connection begins with, until it is judged. */
export interface Arrival {
  /** The new connection takes the place of the former one. Undefined: this broker holds as many connections as it may. */
  welcomed(): Welcome | undefined;
  turnedAway(): void;
}

export interface AgentConnections extends AgentLink {
  /** Begins to look after connections and to tell `reception` of those that open and are lost. */
  start(reception: Pick<Reception, 'connected' | 'lost'>): void;
  arriving(serverId: ServerId, clientId: ClientId, run?: string): Arrival;
  /** Whether another process than `run` is connected here as this server, and its orders can still be sent to it: one of two with the same id is a copy. */
  contested(serverId: ServerId, run: string | undefined): boolean;
  /** Whose connection it is, which counts as a sign of life. Undefined: unknown, replaced, or another client's. */
  heard(connectionId: string, clientId: ClientId): ServerId | undefined;
  /** Orders are written to what `open` gives from now on. False, and nothing is opened, where `heard` knows nobody. */
  attach(connectionId: string, clientId: ClientId, open: () => OrderStream): boolean;
  /** The answer to a `take-screenshot` order; without effect when nobody waits for it. */
  pictures(serverId: ServerId, orderId: string, answer: ScreenshotAnswer): void;
  count(): number;
  /** Whether the agent of this server is connected to this broker. */
  holds(serverId: ServerId): boolean;
  /** Hangs up on everyone, and calls no one lost. */
  close(): void;
}

export function createAgentConnections(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  changes: Partial<ConnectionSettings> = {},
): AgentConnections {
  const settings = { ...CONNECTION_DEFAULTS, ...changes };
  const rules = connectionRules(settings);
  const desk = createScreenshotDesk(clock, settings);
  const arrivals = createArrivals();
  const { byServer, byId, enter, leave } = createRegister();
  let round = 0;
  let timer: Timer | undefined;
  let reception: Pick<Reception, 'connected' | 'lost'> | undefined;

  function lookAfterAll(): void {
    round += 1;
    for (const connection of byId.values()) {
      const reason = rules.fault(connection, round);
      if (reason === undefined) rules.beat(connection, round);
      else if (!arrivals.expected(connection.serverId)) giveUp(connection, reason);
    }
    timer = clock.after(rules.roundMs, lookAfterAll);
  }

  function giveUp(connection: Connection, reason: string): void {
    leave(connection);
    desk.closed(connection.serverId, reason);
    reception?.lost(connection.serverId, reason);
  }

  function welcome({ serverId, clientId, run }: Pick<Connection, 'serverId' | 'clientId' | 'run'>): Welcome | undefined {
    const former = byServer.get(serverId);
    if (former === undefined && byServer.size >= settings.maxConnections) return undefined;
    if (former !== undefined) leave(former);
    const connection = rules.fresh({ id: random.uuid(), serverId, clientId, run }, round);
    enter(connection);
    return { connectionId: connection.id, heartbeatMs: settings.heartbeatMs, silenceMs: settings.silenceMs };
  }

  function hear(connectionId: string, clientId: ClientId): Connection | undefined {
    const connection = byId.get(connectionId);
    if (connection?.clientId !== clientId) return undefined;
    connection.heard = round;
    return connection;
  }

  const send: AgentLink['send'] = (serverId, order) => {
    const connection = byServer.get(serverId);
    return connection !== undefined && rules.write(connection, order);
  };

  return {
    start(listener) {
      reception = listener;
      timer = clock.after(rules.roundMs, lookAfterAll);
    },
    arriving(serverId, clientId, run) {
      // Nobody keeps another client's server alive by greeting in its name.
      const own = byServer.get(serverId)?.clientId === clientId;
      if (own) arrivals.begin(serverId);
      const settled = (): void => (own ? arrivals.end(serverId) : undefined);
      return {
        welcomed() {
          settled();
          return welcome({ serverId, clientId, run });
        },
        turnedAway: settled,
      };
    },
    contested(serverId, run) {
      const holder = byServer.get(serverId);
      return holder?.stream !== undefined && holder.run !== undefined && run !== undefined && holder.run !== run;
    },
    heard: (connectionId, clientId) => hear(connectionId, clientId)?.serverId,
    attach(connectionId, clientId, open) {
      const connection = hear(connectionId, clientId);
      if (connection === undefined) return false;
      give(connection, open(), round);
      reception?.connected(connection.serverId);
      return true;
    },
    send,
    screenshot: (serverId, order) => desk.ask(serverId, order, () => send(serverId, order)),
    pictures: (serverId, orderId, answer) => desk.answer(serverId, orderId, answer),
    count: () => byServer.size,
    holds: (serverId) => byServer.has(serverId),
    close() {
      timer?.cancel();
      for (const connection of byServer.values()) leave(connection);
    },
  };
}

interface Register {
  readonly byServer: ReadonlyMap<ServerId, Connection>;
  readonly byId: ReadonlyMap<string, Connection>;
  enter(connection: Connection): void;
  leave(connection: Connection): void;
}

function createRegister(): Register {
  const byServer = new Map<ServerId, Connection>();
  const byId = new Map<string, Connection>();
  return {
    byServer,
    byId,
    enter(connection) {
      byServer.set(connection.serverId, connection);
      byId.set(connection.id, connection);
    },
    leave(connection) {
      byServer.delete(connection.serverId);
      byId.delete(connection.id);
      connection.stream?.destroy();
      connection.stream = undefined;
    },
  };
}

/** A stream that is opened again takes the place of the former one. */
function give(connection: Connection, stream: OrderStream, round: number): void {
  connection.stream?.destroy();
  connection.stream = stream;
  connection.open = round;
  connection.drained = round;
  stream.once('close', () => {
    if (connection.stream === stream) connection.stream = undefined;
  });
}

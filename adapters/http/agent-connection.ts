/** One agent's connection as the broker keeps it: small, because there are thousands. Time is counted in rounds of one common timer. */
import type { ServerResponse } from 'node:http';
import type { ClientId, ServerId } from '../../domain/ids.ts';
import type { Order } from '../../domain/ports/agent-link.ts';

/** An open response that orders are written to. */
export type OrderStream = Pick<ServerResponse, 'write' | 'writableLength' | 'destroy' | 'once'>;

export interface Connection {
  readonly id: string;
  readonly serverId: ServerId;
  readonly clientId: ClientId;
  /** Of the agent's process, if it says so. */
  readonly run: string | undefined;
  stream: OrderStream | undefined;
  /** The round of the agent's last sign of life. */
  heard: number;
  /** The round of the last beat that was sent. */
  beaten: number;
  /** The round in which all that was sent had left for the network. */
  drained: number;
  /** The round in which there was a stream, or until which the first one is waited for. */
  open: number;
}

export interface ConnectionSettings {
  /** Between two beats on an order stream. */
  readonly heartbeatMs: number;
  /** After which an agent that says nothing, or reads nothing, is given up. */
  readonly silenceMs: number;
  /** After a stream was closed, for the agent to come back. */
  readonly graceMs: number;
  /** Bytes that may wait for one agent to read them. */
  readonly bufferBytes: number;
  readonly maxConnections: number;
  /** For an agent to answer with pictures. */
  readonly screenshotMs: number;
  /** Waited for at the same time. */
  readonly maxScreenshots: number;
}

export const CONNECTION_DEFAULTS: ConnectionSettings = {
  heartbeatMs: 3000,
  silenceMs: 8000,
  graceMs: 1000,
  bufferBytes: 8 * 1024 * 1024,
  maxConnections: 20_000,
  screenshotMs: 10_000,
  maxScreenshots: 1000,
};

/** The rules by which connections are kept and given up. */
export interface Rules {
  readonly roundMs: number;
  fresh(who: Pick<Connection, 'id' | 'serverId' | 'clientId' | 'run'>, round: number): Connection;
  /** Why the connection is over; undefined while it is not. */
  fault(connection: Connection, round: number): string | undefined;
  /** Sends a beat when it is due. */
  beat(connection: Connection, round: number): void;
  /** False when there is no stream, or its reader is too slow and was dropped. */
  write(connection: Connection, order: Order): boolean;
}

export function connectionRules(settings: ConnectionSettings): Rules {
  const { heartbeatMs, silenceMs, graceMs, bufferBytes } = settings;
  const roundMs = Math.max(5, Math.floor(Math.min(heartbeatMs / 4, silenceMs / 8, graceMs / 4)));
  const rounds = (ms: number): number => Math.ceil(ms / roundMs);
  const [heartbeat, silence, grace] = [rounds(heartbeatMs), rounds(silenceMs), rounds(graceMs)];
  return {
    roundMs,
    // The first stream has to be opened within the silence; only the following ones within the grace.
    fresh: (who, round) => ({ ...who, stream: undefined, heard: round, beaten: round, drained: round, open: round + silence - grace }),
    fault({ stream, open, heard, drained }, round) {
      if (round - heard >= silence) return `The agent gave no sign of life for ${silenceMs / 1000} s`;
      if (stream === undefined && round - open >= grace) return 'The agent closed the connection';
      if (stream !== undefined && round - drained >= silence) return `The agent did not read its orders for ${silenceMs / 1000} s`;
      return undefined;
    },
    beat(connection, round) {
      const { stream } = connection;
      if (stream === undefined) return;
      connection.open = round;
      if (stream.writableLength === 0) connection.drained = round;
      if (round - connection.beaten < heartbeat) return;
      connection.beaten = round;
      stream.write(': beat\n\n');
    },
    write({ stream }, order) {
      if (stream === undefined) return false;
      if (stream.writableLength > bufferBytes) {
        // The next connection begins anew, with what is outstanding then.
        stream.destroy();
        return false;
      }
      stream.write(`event: order\nid: ${order.orderId}\ndata: ${JSON.stringify(order)}\n\n`);
      return true;
    },
  };
}

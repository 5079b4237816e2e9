/** One broker among those on its log: what it offers the others, what it asks of them, and what its core sees of that. */
import type { Hono } from 'hono';
import { type BrokerId, brokerId, type ServerId } from '../../domain/ids.ts';
import type { AgentLink } from '../../domain/ports/agent-link.ts';
import type { Clock } from '../../domain/ports/clock.ts';
import type { Reception } from '../../domain/ports/reception.ts';
import type { Core } from '../core.ts';
import type { AgentConnections } from '../http/agent-connections.ts';
import { createBrokerApi } from '../http/broker-api.ts';
import { requestIdOf } from '../http/request-notes.ts';
import type { Logger } from '../logging.ts';
import type { Tokens } from '../tokens.ts';
import { createClusterLink, shareTelemetry } from './agents.ts';
import { createPeers } from './peers.ts';

export interface ClusterDeps {
  readonly self: BrokerId;
  /** Of the agents connected to this broker. */
  readonly connections: AgentConnections;
  readonly tokens: Tokens;
  /** PEM: the authorities that sign the brokers' certificates. */
  readonly ca: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** The ids of the locks that this process holds. */
  holds(): readonly string[];
  /** Asked when there is something to do, not before. */
  core(): Pick<Core, 'directory' | 'fleet' | 'reception'>;
}

export interface Cluster {
  /** To the agents of all brokers. */
  readonly link: AgentLink;
  /** What agents say is also told to the other brokers, where it is not in the log. */
  reception(): Reception;
  /** The ids of the locks that another broker holds, from itself. Rejects when it does not answer. */
  holdsOf(broker: BrokerId): Promise<readonly string[]>;
  /** Whether another process of an agent than `run` is connected as this server, here or elsewhere. */
  contested(serverId: ServerId, run: string | undefined): Promise<boolean>;
  /** What the others may ask. */
  api(): Hono;
  close(): Promise<void>;
}

export function createCluster({ self, connections, tokens, ca, clock, logger, holds, core }: ClusterDeps): Cluster {
  const directory = {
    others: () => core().directory.others(self),
    find: (id: string) => core().directory.find(brokerId(id)),
  };
  const peers = createPeers({ id: self, directory, tokens, ca, clock, logger });

  function holderOf(serverId: ServerId): BrokerId | undefined {
    const server = core().fleet.get(serverId);
    return server?.reachable && server.broker !== null && server.broker !== self ? server.broker : undefined;
  }

  return {
    link: createClusterLink({ local: connections, peers, holderOf }),
    reception: () => shareTelemetry(core().reception, peers),
    holdsOf: peers.holds,
    async contested(serverId, run) {
      const holder = run === undefined ? undefined : holderOf(serverId);
      if (run === undefined || holder === undefined) return connections.contested(serverId, run);
      return peers.contested(holder, serverId, run);
    },
    api: () =>
      createBrokerApi({
        self,
        holds,
        verifyBrokerToken: async (token) => 'valid' in (await tokens.verifyAccessToken(token, 'broker', clock.now())),
        telemetry(batch) {
          // What an agent says here is newer than what another broker heard of it.
          for (const { serverId, telemetry } of batch) if (!connections.holds(serverId)) core().fleet.telemetry(serverId, telemetry);
        },
        link: connections,
        failed: (err, request) => logger.error({ err, requestId: requestIdOf(request) }, 'A request of another broker failed.'),
      }),
    close: peers.close,
  };
}

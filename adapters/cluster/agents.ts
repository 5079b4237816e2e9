/** The agents of all brokers: those connected here are reached directly, the others through the broker that holds their connection. */
import type { ServerId } from '../../domain/ids.ts';
import type { AgentLink } from '../../domain/ports/agent-link.ts';
import type { Reception } from '../../domain/ports/reception.ts';
import type { Peers } from './peers.ts';

export interface ClusterLinkDeps {
  /** The agents connected here. */
  readonly local: AgentLink & { holds(serverId: ServerId): boolean };
  readonly peers: Pick<Peers, 'screenshot'>;
  /** The other broker that the agent of this server is connected to; undefined where there is none. */
  holderOf(serverId: ServerId): string | undefined;
}

/** Orders follow from facts, which every broker hears, so each sends those of its own agents; a picture has no fact. */
export function createClusterLink({ local, peers, holderOf }: ClusterLinkDeps): AgentLink {
  return {
    send: local.send,
    screenshot(serverId, order) {
      const holder = local.holds(serverId) ? undefined : holderOf(serverId);
      return holder === undefined ? local.screenshot(serverId, order) : peers.screenshot(holder, serverId, order);
    },
  };
}

/** What agents say here of what is not in the log, the other brokers hear too. */
export function shareTelemetry(reception: Reception, peers: Pick<Peers, 'telemetry'>): Reception {
  return {
    ...reception,
    async greeted(greeting, clientId) {
      const outcome = await reception.greeted(greeting, clientId);
      if ('welcome' in outcome) peers.telemetry(greeting.serverId, greeting.telemetry);
      return outcome;
    },
    telemetry(serverId, telemetry) {
      reception.telemetry(serverId, telemetry);
      peers.telemetry(serverId, telemetry);
    },
  };
}

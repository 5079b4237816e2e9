/** Which brokers there are, and where: folded from their facts. */
import type { BrokerAddress } from '../broker/events.ts';
import type { BrokerId } from '../ids.ts';
import type { Process } from './process.ts';

export interface KnownBroker extends BrokerAddress {
  readonly id: BrokerId;
}

export interface Directory extends Process {
  put(broker: KnownBroker): void;
  /** Undefined: it has left, or never joined. */
  find(id: BrokerId): KnownBroker | undefined;
  /** All but this one. */
  others(self: BrokerId): readonly KnownBroker[];
}

export function createDirectory(): Directory {
  const brokers = new Map<BrokerId, KnownBroker>();
  return {
    broker(id, fact) {
      if (fact.type === 'broker.joined') brokers.set(id, { id, ...fact.data });
      else brokers.delete(id);
    },
    put: (broker) => void brokers.set(broker.id, broker),
    find: (id) => brokers.get(id),
    others: (self) => [...brokers.values()].filter(({ id }) => id !== self),
  };
}

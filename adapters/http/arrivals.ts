/** Greetings that are being judged: until each is settled, the former connection of the same server is not given up. */
import type { ServerId } from '../../domain/ids.ts';

export interface Arrivals {
  begin(serverId: ServerId): void;
  end(serverId: ServerId): void;
  expected(serverId: ServerId): boolean;
}

export function createArrivals(): Arrivals {
  const counts = new Map<ServerId, number>();
  const add = (serverId: ServerId, change: number): void => {
    const count = (counts.get(serverId) ?? 0) + change;
    if (count > 0) counts.set(serverId, count);
    else counts.delete(serverId);
  };
  return {
    begin: (serverId) => add(serverId, 1),
    end: (serverId) => add(serverId, -1),
    expected: (serverId) => counts.has(serverId),
  };
}

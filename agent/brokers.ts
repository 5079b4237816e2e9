/**
 * The brokers that an agent may connect to, in an order of its own, so that a fleet spreads over them and what one broker loses goes to all the others.
 * A name with several addresses is as many brokers.
 */
import type { Random } from '../domain/ports/clock.ts';

/** As it stands in the configuration. */
export interface BrokerTarget {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface BrokerAddress extends BrokerTarget {
  /** What the name stands for; absent where it could not be found out. */
  readonly address?: string | undefined;
}

export interface Brokers {
  /** The one whose turn it is, until `turn`. Names are looked up when a round begins. */
  current(): Promise<BrokerAddress>;
  turn(): void;
  /** In this round. */
  count(): number;
}

/** All addresses of a name. Rejects where there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** At least one target. */
export function createBrokers(targets: readonly BrokerTarget[], resolve: Resolve, random: Random): Brokers {
  let round: Promise<readonly BrokerAddress[]> | undefined;
  let count = targets.length;
  let next = 0;

  async function begin(): Promise<readonly BrokerAddress[]> {
    next = 0;
    const found = await Promise.all(targets.map((target) => addressesOf(target, resolve)));
    const all = shuffled(found.flat(), random);
    count = all.length;
    return all;
  }

  return {
    async current() {
      round ??= begin();
      const all = await round;
      return all[next % all.length] as BrokerAddress;
    },
    turn() {
      next += 1;
      if (next >= count) round = undefined;
    },
    count: () => count,
  };
}

/** Whoever connects to a name that cannot be looked up says so better than this could. */
async function addressesOf(target: BrokerTarget, resolve: Resolve): Promise<readonly BrokerAddress[]> {
  const addresses = await resolve(target.host).catch(() => [undefined]);
  return [...new Set(addresses)].map((address) => ({ ...target, address }));
}

/** Every order is as likely. */
function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const keyed = items.map((item) => ({ item, key: random.fraction() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/**
 * Looks after the other brokers and their servers. A broker whose lock can be taken is gone, or silent; its servers are expected elsewhere, and those that do
 * not come are lost. Only the leading broker does this.
 */
import type { Brokers } from '../broker/actor.ts';
import type { Origin } from '../facts.ts';
import { type BrokerId, requestId } from '../ids.ts';
import type { Fleet } from '../placement/fleet.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Locks } from '../ports/locks.ts';
import type { Servers } from '../server/actor.ts';
import type { Directory } from './directory.ts';
import type { Effects } from './effects.ts';
import { nameOf } from './membership.ts';
import type { Process } from './process.ts';

export interface WatchingPorts {
  readonly brokers: Brokers;
  readonly servers: Servers;
  readonly directory: Directory;
  readonly fleet: Fleet;
  readonly locks: Locks;
  readonly effects: Effects;
  readonly clock: Clock;
  readonly random: Random;
  readonly self: BrokerId;
}

export interface WatchingLimits {
  /** How long the servers of a broker that is gone may take to connect to another one. */
  readonly returnMs: number;
}

export interface Watching extends Process {
  /** Also looks for servers whose brokers left before this one began to lead. */
  start(): void;
  stop(): void;
}

const ROUND_MS = 2_000;
/** Servers that are recorded as lost at the same time, where many are. */
const LOST_AT_ONCE = 100;

export function createWatching(ports: WatchingPorts, { returnMs }: WatchingLimits): Watching {
  const { brokers, servers, directory, fleet, locks, effects, clock, random, self } = ports;
  const patience = new Map<BrokerId, Timer>();
  let round: Timer | undefined;

  const origin = (): Origin => ({ cause: { kind: 'broker', id: 'watching' }, requestId: requestId(random.uuid()) });

  /** This one looks after its servers itself. */
  const isGone = (id: BrokerId): boolean => id !== self && directory.find(id) === undefined;

  async function look(id: BrokerId): Promise<void> {
    const lock = await locks.take(nameOf(id));
    if (lock === undefined) return;
    try {
      await brokers.execute(id, { type: 'leave', reason: 'It gives no sign of life.' }, origin());
    } finally {
      await lock.release();
    }
  }

  function lookAtAll(): void {
    effects.run('looking whether the other brokers are there', () => Promise.all(directory.others(self).map(({ id }) => look(id))));
    round = clock.after(ROUND_MS, lookAtAll);
  }

  function expectElsewhere(id: BrokerId): void {
    patience.get(id)?.cancel();
    patience.set(
      id,
      clock.after(returnMs, () => {
        patience.delete(id);
        effects.run(`recording which servers of broker ${id} are missing`, () => loseServersOf(id));
      }),
    );
  }

  /** A broker that is there again looks after its servers itself. */
  async function loseServersOf(id: BrokerId): Promise<void> {
    const missing = isGone(id) ? [...fleet.values()].filter((each) => each.reachable && each.broker === id) : [];
    for (let first = 0; first < missing.length; first += LOST_AT_ONCE) {
      const some = missing.slice(first, first + LOST_AT_ONCE);
      const command = { type: 'lose', reason: 'Its broker is gone, and its agent did not connect to another one.', broker: id } as const;
      await Promise.all(some.map((each) => servers.execute(each.id, command, origin())));
    }
  }

  return {
    start() {
      const gone = new Set<BrokerId>();
      for (const { broker } of fleet.values()) if (broker !== null && isGone(broker)) gone.add(broker);
      for (const id of gone) expectElsewhere(id);
      lookAtAll();
    },
    broker(id, fact) {
      if (fact.type === 'broker.left') expectElsewhere(id);
    },
    stop() {
      round?.cancel();
      for (const timer of patience.values()) timer.cancel();
    },
  };
}

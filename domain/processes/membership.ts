/**
 * A broker among others: it holds the lock of its own name as long as it lives, and says in the log when it comes and goes. Whoever else can take
 * that lock knows that it is gone.
 */
import type { BrokerCommand, Brokers } from '../broker/actor.ts';
import type { BrokerAddress } from '../broker/events.ts';
import type { Origin } from '../facts.ts';
import type { BrokerId } from '../ids.ts';
import { requestId } from '../ids.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Lock, Locks } from '../ports/locks.ts';
import type { Process } from './process.ts';

export interface MembershipPorts {
  readonly brokers: Brokers;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly random: Random;
  readonly self: BrokerId;
  failed(error: unknown): void;
}

export interface Membership extends Process {
  /** Resolves when it has joined, at this address. Throws when another broker goes by the same id, with a sentence for the operator. */
  join(address: BrokerAddress): Promise<void>;
  /** Says that it leaves, if it had joined. */
  leave(): Promise<void>;
}

/** As long as the log may take to notice that the former process of this broker is gone. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 500;
/** How long saying that it leaves may hold up its end. Where the log is away, losing the lock says the same. */
const FAREWELL_MS = 3_000;

export const nameOf = (id: BrokerId): string => `broker-${id}`;

export function createMembership({ brokers, locks, clock, random, self: id, failed }: MembershipPorts): Membership {
  let held: Lock | undefined;
  let timer: Timer | undefined;
  /** Undefined: it has not joined, or has left. */
  let address: BrokerAddress | undefined;

  const origin = (): Origin => ({ cause: { kind: 'broker', id }, requestId: requestId(random.uuid()) });
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      timer = clock.after(PAUSE_MS, resolve);
    });

  const say = (command: BrokerCommand) => brokers.execute(id, command, origin());

  async function take(until: number): Promise<Lock> {
    for (;;) {
      const lock = await locks.take(nameOf(id));
      if (lock !== undefined) return lock;
      if (clock.now() >= until)
        throw new Error(`Another broker goes by the id ${id}; was its data folder copied? Remove its file broker-id.`);
      await pause();
    }
  }

  async function hold(lock: Lock): Promise<void> {
    held = lock;
    await lock.over;
    if (held === lock) await regain();
  }

  /** When the connection to the log was lost the lock is taken again, and nobody need ever know. What fails at it again and again is told once. */
  async function regain(): Promise<void> {
    held = undefined;
    let isTold = false;
    while (address !== undefined && held === undefined) {
      await locks
        .take(nameOf(id))
        .then(keep)
        .catch((error: unknown) => {
          if (!isTold) failed(error);
          isTold = true;
        });
      if (held === undefined) await pause();
    }
  }

  async function keep(lock: Lock | undefined): Promise<void> {
    if (lock === undefined || address === undefined) return;
    void hold(lock);
    await say({ type: 'join', address });
  }

  return {
    async join(where) {
      const lock = await take(clock.now() + PATIENCE_MS);
      address = where;
      await keep(lock);
    },
    broker(who, fact) {
      if (who !== id || fact.type !== 'broker.left' || held === undefined) return;
      // Somebody could take its lock without its knowing, and thinks that it is gone.
      const lost = held;
      held = undefined;
      void lost.release().catch(failed).then(regain);
    },
    async leave() {
      timer?.cancel();
      if (address === undefined) return;
      address = undefined;
      const last = held;
      held = undefined;
      const farewell = say({ type: 'leave', reason: 'It was stopped.' }).catch(failed);
      await Promise.race([farewell, new Promise<void>((resolve) => clock.after(FAREWELL_MS, resolve))]);
      await last?.release();
    },
  };
}

/**
 * Locks that several brokers share: a persistent subscription that admits one consumer, on a stream of ours that never holds anything. Who is
 * connected to it holds the lock, and the server itself lets go of it when the connection ends.
 */
import {
  type EventStoreDBClient,
  PersistentSubscriptionExistsError,
  PersistentSubscriptionMaximumSubscribersReachedError,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client';
import { LogFault } from '../../domain/ports/event-log.ts';
import type { Lock, Locks } from '../../domain/ports/locks.ts';
import { faultOf, within } from './calls.ts';
import type { Names } from './events.ts';
import type { Server } from './server.ts';

export interface EventStoreLocks extends Locks {
  /** Releases whatever is held. */
  close(): Promise<void>;
}

const GROUP = 'berth';

export function createLocks(server: Server, names: Names, callMs: number): EventStoreLocks {
  const held = new Set<Lock>();
  let closed = false;

  async function take(name: string): Promise<Lock | undefined> {
    if (closed) throw new LogFault('The log is closed.');
    // Each has a client of its own, so that the end of one cannot be the end of another.
    const client = server.connect('subscriptions');
    const stream = names.lock(name);
    try {
      await ensureGroup(client, stream, callMs);
      const lock = await hold(client, stream, callMs);
      held.add(lock);
      void lock.over.then(() => held.delete(lock));
      return lock;
    } catch (error) {
      await client.dispose();
      if (error instanceof PersistentSubscriptionMaximumSubscribersReachedError) return undefined;
      throw faultOf(`The lock "${name}" could not be asked for`, error);
    }
  }

  return {
    take,
    async close() {
      closed = true;
      await Promise.all([...held].map((lock) => lock.release()));
    },
  };
}

async function ensureGroup(client: EventStoreDBClient, stream: string, callMs: number): Promise<void> {
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, maxSubscriberCount: 1 });
  try {
    await within(callMs, client.createPersistentSubscriptionToStream(stream, GROUP, settings));
  } catch (error) {
    if (!(error instanceof PersistentSubscriptionExistsError)) throw error;
  }
}

async function hold(client: EventStoreDBClient, stream: string, callMs: number): Promise<Lock> {
  const consumer = client.subscribeToPersistentSubscriptionToStream(stream, GROUP);
  const failed = new Promise<unknown>((resolve) => {
    consumer.on('error', resolve);
    consumer.on('close', () => resolve(new LogFault('The server has ended the lock.')));
  });
  // Nothing is ever written to the stream, but the confirmation comes with the data.
  consumer.on('data', () => undefined);
  const confirmed = new Promise<void>((resolve) => consumer.once('confirmation', resolve));
  const refused = failed.then((error) => {
    throw error;
  });
  await within(callMs, Promise.race([confirmed, refused]), () => void consumer.unsubscribe().catch(() => undefined));
  let letGo: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  return {
    over: Promise.race([failed, released]).then(async () => client.dispose()),
    async release() {
      await consumer.unsubscribe();
      letGo();
      await client.dispose();
    },
  };
}

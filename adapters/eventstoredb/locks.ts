/**
 * Locks that several brokers share: a persistent subscription that admits one consumer, on a stream of ours that never holds anything. Who is
 * connected to it holds the lock, and the server itself lets go of it when the connection ends: at once when the holder dies, after two of the
 * server's keep-alive periods (10 s each) when it only stops answering.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** The part of a lock's stream that consumers connect to. */
const GROUP = 'berth';
/**
 * While a server starts it may leave a call unanswered for ever (24.6, for some 2 s), so each has this limit, and is cancelled then: what is not
 * cancelled may get the lock later, for nobody.
 */
const LOCK_CALL_MS = 3000;
/** How often, and for how long at most, the server is asked whether it has let go. It takes some 20 ms. */
const RELEASE_PAUSE_MS = 5;
const RELEASE_TRIES = 200;

interface Place {
  /** Of this lock alone, so that the end of one is not the end of another. */
  readonly client: EventStoreDBClient;
  /** By which the server knows it. */
  readonly connection: string;
  readonly stream: string;
  readonly callMs: number;
}

export function createLocks(server: Server, names: Names, mostMs: number): EventStoreLocks {
  const callMs = Math.min(mostMs, LOCK_CALL_MS);
  const held = new Set<Lock>();
  let closed = false;

  return {
    async take(name) {
      if (closed) throw new LogFault('The log is closed.');
      const connection = `berth-lock-${randomUUID()}`;
      const place = { client: server.connect('subscriptions', connection), connection, stream: names.lock(name), callMs };
      try {
        await ensureGroup(place);
        const lock = await hold(place);
        held.add(lock);
        void lock.over.then(() => held.delete(lock));
        return lock;
      } catch (error) {
        await place.client.dispose();
        if (error instanceof PersistentSubscriptionMaximumSubscribersReachedError) return undefined;
        throw faultOf(`The lock "${name}" could not be asked for`, error);
      }
    },
    async close() {
      closed = true;
      await Promise.all([...held].map((lock) => lock.release()));
    },
  };
}

async function ensureGroup({ client, stream, callMs }: Place): Promise<void> {
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, maxSubscriberCount: 1 });
  try {
    await within(callMs, client.createPersistentSubscriptionToStream(stream, GROUP, settings, { deadline: callMs }));
  } catch (error) {
    if (!(error instanceof PersistentSubscriptionExistsError)) throw error;
  }
}

async function hold(place: Place): Promise<Lock> {
  const consumer = place.client.subscribeToPersistentSubscriptionToStream(place.stream, GROUP);
  const leave = () => consumer.unsubscribe().catch(() => undefined);
  const left = new AbortController();
  const over = new Promise<unknown>((resolve) => {
    consumer.on('error', resolve);
    consumer.on('close', () => resolve(new LogFault('The server has ended it.')));
    left.signal.addEventListener('abort', resolve);
  });
  // Nothing is ever written to the stream, but the confirmation comes with the data.
  consumer.on('data', () => undefined);
  const confirmed = new Promise<void>((resolve) => consumer.once('confirmation', resolve));
  const refused = over.then((error) => {
    throw error;
  });
  await within(place.callMs, Promise.race([confirmed, refused]), leave);
  return {
    over: over.then(() => place.client.dispose()),
    async release() {
      if (left.signal.aborted) return;
      await leave();
      await untilFree(place);
      left.abort();
    },
  };
}

/** The server lets go shortly after the consumer has left; who asks before is turned away. */
async function untilFree({ client, connection, stream, callMs }: Place): Promise<void> {
  for (let tries = 0; tries < RELEASE_TRIES; tries += 1) {
    try {
      const { connections } = await within(callMs, client.getPersistentSubscriptionToStreamInfo(stream, GROUP, { deadline: callMs }));
      if (connections.every(({ connectionName }) => connectionName !== connection)) return;
    } catch {
      // Without a server nobody holds anything.
      return;
    }
    await sleep(RELEASE_PAUSE_MS);
  }
}

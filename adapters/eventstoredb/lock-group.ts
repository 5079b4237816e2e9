/** One lock as the server has it: a persistent subscription that admits one consumer, on a stream of ours that never holds anything. */
import {
  type EventStoreDBClient,
  PersistentSubscriptionDoesNotExistError,
  PersistentSubscriptionDroppedError,
  PersistentSubscriptionExistsError,
  PersistentSubscriptionMaximumSubscribersReachedError,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client';
import { LogFault } from '../../domain/ports/event-log.ts';
import type { LockEnd } from '../../domain/ports/locks.ts';
import { within } from './calls.ts';

export interface LockGroup {
  readonly client: EventStoreDBClient;
  readonly stream: string;
  /** The most that a call may take. */
  readonly callMs: number;
}

/** A consumer that was let in. */
interface Consumer {
  readonly over: Promise<LockEnd>;
  /** Resolves when the server was told. `over` resolves then. */
  leave(): Promise<void>;
}

/** The part of a lock's stream that consumers connect to. */
const GROUP = 'berth';

/** Held by another one; or somebody has just broken it, and is about to take it. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof PersistentSubscriptionMaximumSubscribersReachedError || isMissing(error);

const isMissing = (error: unknown): boolean => error instanceof PersistentSubscriptionDoesNotExistError;

export async function ensureGroup({ client, stream, callMs }: LockGroup): Promise<void> {
  const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, maxSubscriberCount: 1 });
  try {
    await within(callMs, client.createPersistentSubscriptionToStream(stream, GROUP, settings, { deadline: callMs }));
  } catch (error) {
    if (!(error instanceof PersistentSubscriptionExistsError)) throw error;
  }
}

/** The server drops its consumer, within 20 ms, and lets another one in as soon as the group is made again. False: there is none. */
export async function deleteGroup({ client, stream, callMs }: LockGroup): Promise<boolean> {
  try {
    await within(callMs, client.deletePersistentSubscriptionToStream(stream, GROUP, { deadline: callMs }));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    /* c8 ignore next 2 -- The server would have to go away in the moment after it was asked who is connected. */
    throw error;
  }
}

/** The names of the connections that are in; none where there is no such group. */
export async function connectionsTo({ client, stream, callMs }: LockGroup): Promise<readonly string[]> {
  try {
    const { connections } = await within(callMs, client.getPersistentSubscriptionToStreamInfo(stream, GROUP, { deadline: callMs }));
    return connections.map(({ connectionName }) => connectionName);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Rejects when it is not let in; see `isRefusal`. */
export async function enterGroup({ client, stream, callMs }: LockGroup): Promise<Consumer> {
  const consumer = client.subscribeToPersistentSubscriptionToStream(stream, GROUP);
  let isLeaving = false;
  const unsubscribe = () => consumer.unsubscribe().catch(() => undefined);
  let finish: (error: unknown) => void = () => undefined;
  const over = new Promise<unknown>((resolve) => {
    finish = resolve;
  });
  consumer.on('error', finish);
  consumer.on('close', () => finish(new LogFault('The server has ended it.')));
  // Nothing is ever written to the stream, but the confirmation comes with the data.
  consumer.on('data', () => undefined);
  const confirmed = new Promise<void>((resolve) => consumer.once('confirmation', resolve));
  const refused = over.then((error) => {
    throw error;
  });
  await within(callMs, Promise.race([confirmed, refused]), unsubscribe);
  return {
    over: over.then((error) => {
      if (isLeaving) return 'released';
      return error instanceof PersistentSubscriptionDroppedError ? 'broken' : 'lost';
    }),
    async leave() {
      isLeaving = true;
      await unsubscribe();
      finish(undefined);
    },
  };
}

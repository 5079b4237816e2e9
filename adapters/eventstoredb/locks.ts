/**
 * Locks that several brokers share: a persistent subscription that admits one consumer. Who is connected to it holds the lock, and the server itself lets
 * go of it when the connection ends: at once when the holder dies, after two of the server's keep-alive periods (10 s each) when it only stops
 * answering. The name of the connection says who holds the lock; it is broken by deleting the subscription.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BrokerId, brokerId } from '../../domain/ids.ts';
import { LogFault } from '../../domain/ports/event-log.ts';
import type { BreakableLocks, Hold, Lock, LockEnd } from '../../domain/ports/locks.ts';
import { faultOf } from './calls.ts';
import type { Names } from './events.ts';
import { connectionsTo, deleteGroup, ensureGroup, enterGroup, isRefusal, type LockGroup } from './lock-group.ts';
import type { Server } from './server.ts';

export interface EventStoreLocks extends BreakableLocks {
  /** Releases whatever is held. */
  close(): Promise<void>;
}

export interface LockSettings {
  /** Who takes them. */
  readonly broker: BrokerId;
  /** The most that a call may take. */
  readonly callMs: number;
}

/**
 * While a server starts it may leave a call unanswered for ever (24.6, for some 2 s), so each has this limit, and is cancelled then: what is not
 * cancelled may get the lock later, for nobody.
 */
const LOCK_CALL_MS = 3000;
/** How often, and for how long at most, the server is asked whether it has let go. It takes some 20 ms. */
const RELEASE_PAUSE_MS = 5;
const RELEASE_TRIES = 200;
/** As `connectionOf` makes it. Earlier versions did not say who they were. */
const CONNECTION = /^berth-lock-(.+)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export function createLocks(server: Server, names: Names, { broker, callMs: mostMs }: LockSettings): EventStoreLocks {
  const callMs = Math.min(mostMs, LOCK_CALL_MS);
  const held = new Map<string, Lock | undefined>();
  /** To look at locks, and to break them. */
  const looking = server.connect('subscriptions', 'berth-locks');
  let closed = false;

  function groupOf(name: string): LockGroup {
    if (closed) throw new LogFault('The log is closed.');
    return { client: looking, stream: names.lock(name), callMs };
  }

  /** A lock has a connection of its own, so that the end of one is not the end of another. */
  async function enter(name: string, connection: string): Promise<Lock | undefined> {
    const group = { ...groupOf(name), client: server.connect('subscriptions', connection) };
    try {
      await ensureGroup(group);
      return await lockOn(group, connection);
    } catch (error) {
      await group.client.dispose();
      if (isRefusal(error)) return undefined;
      throw faultOf(`The lock "${name}" could not be asked for`, error);
    }
  }

  return {
    async take(name) {
      const id = randomUUID();
      held.set(id, undefined);
      try {
        const lock = await enter(name, connectionOf({ broker, id }));
        if (lock === undefined) return undefined;
        held.set(id, lock);
        void lock.over.then(() => held.delete(id));
        return lock;
      } finally {
        if (held.get(id) === undefined) held.delete(id);
      }
    },
    async holder(name) {
      const group = groupOf(name);
      try {
        return (await connectionsTo(group)).map(holdOf).find((hold) => hold !== undefined);
      } catch (error) {
        throw faultOf(`The holder of the lock "${name}" could not be asked for`, error);
      }
    },
    async break(name, hold) {
      const group = groupOf(name);
      try {
        return (await isConnected(group, connectionOf(hold))) && (await deleteGroup(group));
      } catch (error) {
        throw faultOf(`The lock "${name}" could not be broken`, error);
      }
    },
    holds: () => [...held.keys()],
    async close() {
      closed = true;
      await Promise.all([...held.values()].map((lock) => lock?.release()));
      await looking.dispose();
    },
  };
}

const connectionOf = ({ broker, id }: Hold): string => `berth-lock-${broker}-${id}`;

function holdOf(connection: string): Hold | undefined {
  const [, broker, id] = CONNECTION.exec(connection) ?? [];
  return broker === undefined || id === undefined ? undefined : { broker: brokerId(broker), id };
}

const isConnected = async (group: LockGroup, connection: string): Promise<boolean> => (await connectionsTo(group)).includes(connection);

async function lockOn(group: LockGroup, connection: string): Promise<Lock> {
  const consumer = await enterGroup(group);
  let free = (): void => undefined;
  const released = new Promise<LockEnd>((resolve) => {
    free = () => resolve('released');
  });
  let releasing: Promise<void> | undefined;

  async function leave(): Promise<void> {
    await consumer.leave();
    await untilFree(group, connection);
    free();
  }

  const ended = consumer.over.then((end) => (end === 'released' ? released : end));
  return {
    over: ended.then(async (end) => {
      await group.client.dispose();
      return end;
    }),
    release() {
      releasing ??= leave();
      return releasing;
    },
  };
}

/** The server lets go shortly after the consumer has left; who asks before is turned away. */
async function untilFree(group: LockGroup, connection: string): Promise<void> {
  for (let tries = 0; tries < RELEASE_TRIES; tries += 1) {
    // Without a server nobody holds anything.
    if (!(await isConnected(group, connection).catch(() => false))) return;
    /* c8 ignore next 3 -- The stand-in lets go before it answers. */
    await sleep(RELEASE_PAUSE_MS);
  }
}

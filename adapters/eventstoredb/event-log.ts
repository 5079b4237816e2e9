/**
 * The event log on EventStoreDB or KurrentDB, which several brokers may share. Appends, reads and the subscription each have a connection of
 * their own; the measured habits of client and server that shape this adapter are told where they are dealt with.
 */
import type { Position, RecordedFact } from '../../domain/facts.ts';
import { LOG_START } from '../../domain/facts.ts';
import { type BrokerId, brokerId } from '../../domain/ids.ts';
import { type EventLog, LogFault } from '../../domain/ports/event-log.ts';
import type { BreakableLocks } from '../../domain/ports/locks.ts';
import { draftFacts } from '../drafts.ts';
import { createTail } from '../tail.ts';
import type { TraceContexts } from '../tracing/contexts.ts';
import { type Appending, createAppending } from './appending.ts';
import { faultOf } from './calls.ts';
import { createNames, type Names } from './events.ts';
import { type Feed, startFeed } from './feed.ts';
import { createLocks, type EventStoreLocks } from './locks.ts';
import { createReading, type Reading } from './reading.ts';
import { type Server, serverAt } from './server.ts';

export interface EventStoreLogOptions {
  /** Comes before the names of our streams, such as `acme.`; so several clusters can share one server. Default: nothing. */
  readonly streamPrefix?: string;
  /** Whose locks are taken here. Default: nobody's that anyone knows. */
  readonly broker?: BrokerId;
  /** Facts that may wait for the server; more are turned away with LogBusyError. Default 10,000, at least 500. */
  readonly waitingFacts?: number;
  /** The newest facts that stay in memory for subscribers (up to twice as many for a while). Default 4,096. */
  readonly recentFacts?: number;
  /** How long a call to the server may take. Default 10,000. */
  readonly callMs?: number;
  /** How long it may look for our facts among those of others. Default 300,000. */
  readonly searchMs?: number;
  /** The traces of requests travel beside the facts. Default: they do not. */
  readonly traces?: TraceContexts | undefined;
  /** Told in one sentence when the connection to the server is lost, and when it is back. */
  readonly report?: (message: string) => void;
}

export interface EventStoreLog extends EventLog {
  /** Held on the same server, under the same prefix. Closing the log releases them. */
  readonly locks: BreakableLocks;
  /** False while the connection is lost: what others write meanwhile is not known here. */
  stands(): boolean;
  /** For the line that a broker prints when it starts; no password is in it. */
  describe(): { readonly server: string; readonly streamPrefix: string };
}

/** Throws LogFault with a sentence for the operator, and without a password, when the log cannot be used. */
export async function openEventStoreLog(connectionString: string, options: EventStoreLogOptions = {}): Promise<EventStoreLog> {
  const {
    streamPrefix = '',
    broker = brokerId('unknown'),
    waitingFacts = 10_000,
    recentFacts = 4096,
    callMs = 10_000,
    searchMs = 300_000,
    traces,
    report = () => undefined,
  } = options;
  const names = createNames(streamPrefix);
  const server = serverAt(connectionString);
  const reading = createReading(server, names, { callMs, searchMs });
  const appending = createAppending(server, names, { waitingFacts, callMs, traces });
  const locks = createLocks(server, names, { broker, callMs });
  try {
    const newest = await reading.newest();
    return await createEventLog({ server, names, reading, appending, locks, newest, recentFacts, callMs, traces, report });
  } catch (cause) {
    await Promise.all([appending.close(), locks.close(), reading.close()]);
    throw faultOf(`The event log at ${server.address} cannot be opened`, cause);
  }
}

interface Parts {
  readonly server: Server;
  readonly names: Names;
  readonly reading: Reading;
  readonly appending: Appending;
  readonly locks: EventStoreLocks;
  readonly newest: RecordedFact | undefined;
  readonly recentFacts: number;
  readonly callMs: number;
  readonly traces: TraceContexts | undefined;
  readonly report: (message: string) => void;
}

async function createEventLog(parts: Parts): Promise<EventStoreLog> {
  const { server, names, reading, appending, locks, recentFacts, callMs, traces, report } = parts;
  let { newest } = parts;
  let known = newest?.position ?? LOG_START;
  let closing: Promise<void> | undefined;
  const tail = createTail({ head: known, recentFacts, page: reading.all });
  const feed = await startFeed({
    server,
    names,
    after: known,
    callMs,
    deliver(fact) {
      newest = fact;
      learn(fact.position);
      tail.committed([fact]);
    },
    isSameLog: async () => newest === undefined || reading.holds(newest),
    lost: tail.lost,
    traces,
    report,
  });

  function learn(position: Position): void {
    known = Math.max(known, position);
  }

  async function whileOpen<T>(work: () => T | Promise<T>): Promise<T> {
    if (closing) throw new LogFault('The log is closed.');
    return work();
  }

  return {
    isShared: true,
    locks,
    append: (stream, expectedRevision, facts) =>
      whileOpen(async () => {
        const appended = await appending.append(stream, expectedRevision, draftFacts(stream, expectedRevision, facts));
        if (appended.outcome === 'appended') learn(appended.position);
        return appended;
      }),
    readStream: (stream, fromRevision, limit) => whileOpen(() => reading.stream(stream, fromRevision, limit)),
    readAll: (after, limit) => whileOpen(() => reading.all(after, limit)),
    remove: (stream, removal) =>
      whileOpen(async () => {
        const { revision } = removal;
        const [last, later] = revision < 0 ? [] : await reading.stream(stream, revision, 2);
        if (last === undefined) return (await reading.removal(stream))?.revision === revision;
        if (last.revision !== revision || later !== undefined || last.position === known) return false;
        await appending.truncate(stream, removal);
        return true;
      }),
    removal: (stream) => whileOpen(() => reading.removal(stream)),
    removalNotes: () => whileOpen(() => reading.removalNotes()),
    head: () =>
      whileOpen(async () => {
        const fact = await reading.newestSince(feed.place());
        return Math.max(fact?.position ?? LOG_START, known);
      }),
    known: () => known,
    subscribe: tail.subscribe,
    stands: feed.stands,
    describe: () => ({ server: server.address, streamPrefix: names.prefix }),
    close() {
      closing ??= close({ ...parts, feed, tail });
      return closing;
    },
  };
}

async function close({
  appending,
  tail,
  feed,
  locks,
  reading,
}: Parts & { readonly feed: Feed; readonly tail: { close(): Promise<void> } }) {
  await appending.close();
  await tail.close();
  await Promise.all([feed.stop(), locks.close(), reading.close()]);
}

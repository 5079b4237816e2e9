/**
 * Appends on their way to the server, over the client's batch call: one stream of messages for all of them. What may go wrong there is measured,
 * and everything here is for one of its habits:
 *
 * - With 16 messages under way the client begins to queue, and when the connection breaks then, it ends the process with an
 *   unhandled rejection. So 15 are under way at most.
 * - It keeps the appends of all clients of a process in one list, and an error of any client fails them all. So all logs in a process that go to
 *   the same server share one client, and it is disposed of when nobody uses it any more.
 * - A repetition that arrives while the first try is still being written is not answered in time, and two appends to one stream may overtake each
 *   other while the connection is made. So one is under way to each stream, and the next one waits for its end.
 * - An append has no time limit, and under some circumstances no answer. So each has a timer of its own.
 *
 * Whatever is not plainly an answer has an unknown outcome, LogFault. It is safe to append the same facts at the same expected revision again: if they
 * are stored, that revision is past, the server compares the ids and answers as the first time; if not, it is the current one, and they are written.
 * The server writes the same ids a second time only at the current revision, where no retry of ours can stand: the revision is always given, and a
 * new one comes only with new facts.
 */
import { type EventStoreDBClient, type JSONEventData, MaxAppendSizeExceededError, WrongExpectedVersionError } from '@eventstore/db-client';
import { NO_STREAM, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import { type Appended, LogBusyError, LogFault, type Removal } from '../../domain/ports/event-log.ts';
import type { Draft } from '../drafts.ts';
import type { TraceContexts } from '../tracing/contexts.ts';
import { createSlots, faultOf, type Slots, within } from './calls.ts';
import { eventOf, expectedOf, type Names, positionOf, truncation } from './events.ts';
import type { Server } from './server.ts';

export interface Appending {
  append(stream: StreamName, expectedRevision: Revision, drafts: readonly Draft[]): Promise<Appended>;
  /** Hides the facts of a stream up to a revision. */
  truncate(stream: StreamName, removal: Removal): Promise<void>;
  /** Waits for the appends under way and lets go of the connection. */
  close(): Promise<void>;
}

export interface AppendLimits {
  /** Facts that may wait for the server; more are turned away with LogBusyError. */
  readonly waitingFacts: number;
  /** How long an append may wait for its turn, and then for its answer. */
  readonly callMs: number;
  /** Absent: facts go without the traces of their requests. */
  readonly traces?: TraceContexts | undefined;
}

/** One less than makes the client queue by itself. */
const UNDER_WAY = 15;
/** Of servers before 25.1, which later ones may be set to; a bigger message would break the connection for all appends. */
const APPEND_BYTES = 1024 * 1024;

/** What the logs of this process share that go to one server. */
interface Shared {
  readonly client: EventStoreDBClient;
  readonly slots: Slots;
  users: number;
}

const sharedByServer = new Map<string, Shared>();

export function createAppending(server: Server, names: Names, limits: AppendLimits): Appending {
  const shared = share(server);
  /** The last append to each stream that has one under way. */
  const underWay = new Map<StreamName, Promise<unknown>>();
  let waitingFacts = 0;

  /** In turn, unless that takes too long: then nothing was sent. */
  async function inTurn(stream: StreamName, expectedRevision: Revision, drafts: readonly Draft[]): Promise<Appended> {
    const events = drafts.map((draft) => eventOf(draft, limits.traces));
    const askedAt = performance.now();
    return shared.slots.run(async () => {
      if (performance.now() - askedAt > limits.callMs) throw new LogBusyError('The server is behind with appends. Try again shortly.');
      return send(stream, expectedRevision, events);
    });
  }

  async function send(stream: StreamName, expectedRevision: Revision, events: readonly JSONEventData[]): Promise<Appended> {
    const options = { expectedRevision: expectedOf(expectedRevision) };
    try {
      const call = shared.client.appendToStream(names.onServer(stream), [...events], options);
      const { nextExpectedRevision, position } = await within(limits.callMs, call);
      if (position === undefined) throw new LogFault('The server does not say where the facts stand.');
      return { outcome: 'appended', revision: Number(nextExpectedRevision), position: positionOf(position.commit) };
    } catch (error) {
      return answerIn(error, stream);
    }
  }

  return {
    append(stream, expectedRevision, drafts) {
      check(stream, names, drafts);
      if (waitingFacts + drafts.length > limits.waitingFacts) {
        throw new LogBusyError(
          `${waitingFacts} facts are waiting for the server, and ${limits.waitingFacts} is the limit. Try again shortly.`,
        );
      }
      waitingFacts += drafts.length;
      const before = underWay.get(stream);
      const settled = (before?.catch(() => undefined) ?? Promise.resolve())
        .then(() => inTurn(stream, expectedRevision, drafts))
        .finally(() => {
          waitingFacts -= drafts.length;
          if (underWay.get(stream) === settled) underWay.delete(stream);
        });
      underWay.set(stream, settled);
      return settled;
    },
    truncate: (stream, removal) =>
      shared.slots.run(async () => {
        const call = shared.client.setStreamMetadata(names.onServer(stream), truncation(removal));
        await within(limits.callMs, call).catch((error: unknown) => {
          throw faultOf(`Facts could not be removed from ${stream}`, error);
        });
      }),
    async close() {
      await Promise.allSettled(underWay.values());
      await release(server, shared);
    },
  };
}

/** An error may be an answer; if not, the outcome is unknown. */
function answerIn(error: unknown, stream: StreamName): Appended {
  if (error instanceof WrongExpectedVersionError) {
    const { actualVersion } = error;
    return { outcome: 'conflict', actualRevision: typeof actualVersion === 'bigint' ? Number(actualVersion) : NO_STREAM };
  }
  if (error instanceof MaxAppendSizeExceededError) {
    throw new TypeError(`The server takes at most ${error.maxAppendSize} bytes in one append, and this one to ${stream} is bigger.`);
  }
  throw faultOf(`The facts could not be written to ${stream}`, error);
}

/** What the server would answer strangely, or not at all, or so that it hurts others. */
function check(stream: StreamName, names: Names, drafts: readonly Draft[]): void {
  if (names.ours(names.onServer(stream)) === undefined) {
    throw new TypeError(`A stream in EventStoreDB needs a category without dots before its first "-", which ${stream} lacks.`);
  }
  const bytes = drafts.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0);
  if (bytes > APPEND_BYTES) {
    throw new TypeError(`An append to EventStoreDB holds at most ${APPEND_BYTES} bytes of data, not ${bytes} (${stream}).`);
  }
}

function share(server: Server): Shared {
  const known = sharedByServer.get(server.key);
  const shared = known ?? { client: server.connect('appends'), slots: createSlots(UNDER_WAY), users: 0 };
  shared.users += 1;
  sharedByServer.set(server.key, shared);
  return shared;
}

async function release(server: Server, shared: Shared): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0) return;
  sharedByServer.delete(server.key);
  await shared.client.dispose();
}

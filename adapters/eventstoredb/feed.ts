/**
 * The live subscription that feeds a tail: ours from the whole log, picked by the server, in log order. It is the only way by which facts come
 * to subscribers, own ones too, so that nobody hears of a fact before an earlier one of another broker. The client does not take up a subscription
 * again that has failed; that is done here, from the last place, after a pause.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type AllStreamResolvedEvent, type EventStoreDBClient, streamNameFilter } from '@eventstore/db-client';
import type { Position, RecordedFact } from '../../domain/facts.ts';
import { LogFault } from '../../domain/ports/event-log.ts';
import type { TraceContexts } from '../tracing/contexts.ts';
import { faultOf, reasonOf, within } from './calls.ts';
import { contextOf, factOf, type Names, type Place, placeOf } from './events.ts';
import type { Server } from './server.ts';

export interface Feed {
  /** Everything of ours up to here has been delivered. */
  place(): Place;
  /** False while the connection is lost: what is written meanwhile is not known here. */
  stands(): boolean;
  stop(): Promise<void>;
}

export interface FeedOptions {
  readonly server: Server;
  readonly names: Names;
  /** Facts behind this are delivered. */
  readonly after: Position;
  readonly callMs: number;
  deliver(fact: RecordedFact): void;
  /** Absent: nobody asks for the traces that come with facts. */
  readonly traces?: TraceContexts | undefined;
  /** Asked before the subscription is taken up again: false when the log is another one by now. Rejects when the server cannot be asked. */
  isSameLog(): Promise<boolean>;
  /** The log is lost for good. Called once at most. */
  lost(error: LogFault): void;
  /** Told in one sentence when the connection is lost and when it is back. */
  report(message: string): void;
}

/** Between two tries: doubled each time, up to the longest. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** The server says how far it has looked after so many times 32 events, of which none may have been ours. */
const CHECKPOINT_INTERVAL = 32;

/** Resolves when the subscription stands; rejects with LogFault when the server does not admit it. */
export async function startFeed(options: FeedOptions): Promise<Feed> {
  const { server, names, callMs, deliver, traces, isSameLog, lost, report } = options;
  const client = server.connect('subscriptions');
  const stopping = new AbortController();
  let place = placeOf(options.after);
  let stands = true;

  const subscription = {
    client,
    pattern: names.pattern,
    callMs,
    signal: stopping.signal,
    reached(position: Place): void {
      place = position;
    },
    deliver(fact: RecordedFact, event: AllStreamResolvedEvent): void {
      const context = traces && contextOf(event);
      if (context !== undefined) traces?.learn(fact.requestId, context);
      deliver(fact);
    },
    names,
  };

  async function keepUp(first: Subscribed): Promise<void> {
    for (let subscribed = first; !stopping.signal.aborted; ) {
      const reason = await subscribed.over;
      if (stopping.signal.aborted) return;
      stands = false;
      report(`The connection to the log is lost: ${reason} It is made again as soon as the server can be reached.`);
      subscribed = await takeUp();
      stands = true;
      report('The connection to the log stands again; nothing that was written in between is missed.');
    }
  }

  /** Tries until it stands again; never resolves, or resolves with one that is over, when it is to stop. */
  async function takeUp(): Promise<Subscribed> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await sleep(pauseMs, undefined, { signal: stopping.signal });
      try {
        if (await isSameLog()) return await subscribe(subscription, place);
      } catch {
        continue;
      }
      lost(new LogFault(`The log at ${server.address} is not the one that was there before: its newest fact is gone.`));
      stopping.abort();
    }
  }

  const first = await subscribe(subscription, place).catch(async (error: unknown) => {
    await client.dispose();
    throw error;
  });
  const over = keepUp(first).catch(() => undefined);
  return {
    place: () => place,
    stands: () => stands,
    async stop() {
      stopping.abort();
      await over;
      await client.dispose();
    },
  };
}

interface Subscription {
  readonly client: EventStoreDBClient;
  readonly names: Names;
  readonly pattern: string;
  readonly callMs: number;
  readonly signal: AbortSignal;
  deliver(fact: RecordedFact, event: AllStreamResolvedEvent): void;
  reached(position: Place): void;
}

interface Subscribed {
  /** Resolves with the reason, for people, when it has failed or was stopped. */
  readonly over: Promise<string>;
}

async function subscribe(
  { client, names, pattern, callMs, signal, deliver, reached }: Subscription,
  fromPosition: Place,
): Promise<Subscribed> {
  const filter = streamNameFilter({
    regex: pattern,
    checkpointInterval: CHECKPOINT_INTERVAL,
    checkpointReached: (_, position) => reached(position),
  });
  const events = client.subscribeToAll({ fromPosition, filter });
  const leave = () => void events.unsubscribe().catch(() => undefined);
  let stopped: () => void = () => undefined;
  const failed = new Promise<unknown>((resolve) => {
    events.on('error', resolve);
    events.on('close', () => resolve(new LogFault('The subscription was closed.')));
    stopped = () => resolve(new LogFault('The log is closed.'));
  });
  signal.addEventListener('abort', stopped);
  events.on('data', (event) => {
    const fact = factOf(event, names);
    if (event.event !== undefined) reached(event.event.position);
    if (fact !== undefined) deliver(fact, event);
  });
  const confirmed = new Promise<void>((resolve) => events.once('confirmation', resolve));
  const refused = failed.then((error) => {
    throw faultOf('The log could not be subscribed to', error);
  });
  await within(callMs, Promise.race([confirmed, refused]), leave);
  return {
    over: failed.then((error) => {
      signal.removeEventListener('abort', stopped);
      leave();
      return reasonOf(error);
    }),
  };
}

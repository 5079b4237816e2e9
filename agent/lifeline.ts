/**
 * Keeps the agent connected to a broker: greets, and when the connection is lost or refused goes on to the next broker at once. When all have been tried in
 * vain it waits, more and more patiently.
 */

import type { Logger } from '../adapters/logging.ts';
import type { Greeting, Order, Telemetry } from '../domain/ports/agent-link.ts';
import type { Clock, Random, Timer } from '../domain/ports/clock.ts';
import { createBackoff } from './backoff.ts';
import type { BrokerConnection, BrokerLink, ScreenshotOutcome } from './broker-link.ts';
import { type Conversation, createConversation } from './conversation.ts';
import type { Outbox } from './outbox.ts';
import { messageOf } from './thrown.ts';

export interface Lifeline {
  start(): void;
  /** Gives the broker another greeting in the place of the last one. */
  greetAgain(): void;
  /** There is news in the outbox. */
  wake(): void;
  /** Goes with the next post. */
  telemetry(telemetry: Telemetry): void;
  /** Hands over pictures at once, or drops them: nobody waits for them any more when the connection is gone. Never throws. */
  deliver(orderId: string, outcome: ScreenshotOutcome): void;
  connected(): boolean;
  stop(): void;
}

export interface LifelineDeps {
  readonly link: BrokerLink;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  greeting(): Promise<Greeting>;
  order(order: Order): void;
  /** The outbox has become emptier. */
  acknowledged(): void;
}

export function createLifeline(deps: LifelineDeps): Lifeline {
  const { link, outbox, clock, log } = deps;
  const backoff = createBackoff(deps.random);
  /** Counts attempts; whatever an earlier one still says is ignored. */
  let attempt = 0;
  let live: Conversation | undefined;
  let retry: Timer | undefined;
  /** Connections lost or refused since one stood for a while, or since the last wait. */
  let losses = 0;
  let latest: Telemetry | undefined;

  async function connect(): Promise<void> {
    attempt += 1;
    const mine = attempt;
    const ifCurrent = (action: () => void): void => {
      if (mine === attempt) action();
    };
    try {
      const connection = await link.connect(await deps.greeting(), {
        order: (order) => ifCurrent(() => deps.order(order)),
        alive: () => ifCurrent(() => live?.alive()),
        closed: (reason) => ifCurrent(() => lost(reason)),
      });
      if (mine === attempt) begin(connection);
      else connection.close();
    } catch (error) {
      ifCurrent(() => lost(messageOf(error)));
    }
  }

  function begin(connection: BrokerConnection): void {
    log.info({ connectionId: connection.welcome.connectionId }, 'connected to the broker');
    live = createConversation({
      connection,
      outbox,
      clock,
      telemetry() {
        const telemetry = latest;
        latest = undefined;
        return telemetry;
      },
      // A link that breaks as soon as it stands is tried more and more slowly, too.
      proven() {
        losses = 0;
        backoff.reset();
      },
      acknowledged: deps.acknowledged,
      lost,
    });
    live.post();
  }

  function lost(reason: string): void {
    hangUp();
    link.turn();
    losses = (losses + 1) % Math.max(1, link.brokers());
    const wait = losses > 0 ? 0 : backoff.next();
    log.warn({ reason, retryInMs: Math.round(wait) }, 'not connected to the broker');
    retry = clock.after(wait, () => void connect());
  }

  function hangUp(): void {
    attempt += 1;
    live?.end();
    live = undefined;
  }

  return {
    start: () => void connect(),
    greetAgain() {
      retry?.cancel();
      hangUp();
      void connect();
    },
    wake: () => live?.post(),
    telemetry(telemetry) {
      latest = telemetry;
    },
    deliver(orderId, outcome) {
      live?.connection.screenshots(orderId, outcome).catch((error) => log.warn({ orderId, error: messageOf(error) }, 'pictures were lost'));
    },
    connected: () => live !== undefined,
    stop() {
      retry?.cancel();
      hangUp();
    },
  };
}

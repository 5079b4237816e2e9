/** The agent's port to its broker, so that the agent's behaviour does not depend on HTTP: link.ts speaks HTTPS, a simulation calls the broker directly. */
import type { Greeting, Order, Report, Screenshot, Telemetry, Welcome } from '../domain/ports/agent-link.ts';

/** What a connection tells the agent. After `closed` it tells nothing more. */
export interface LinkHandlers {
  order(order: Order): void;
  /** A sign of life on the order stream: an order or a beat. */
  alive(): void;
  /** The connection is over, whoever ended it except the agent itself. `reason` for the log. Called at most once. */
  closed(reason: string): void;
}

/** The pictures of one order, or a sentence saying why there are none. */
export type ScreenshotOutcome = { readonly images: readonly Screenshot[] } | { readonly reason: string };

/** One connection, from the welcome until it is closed. A call that rejects also closes it (`closed` follows). */
export interface BrokerConnection {
  readonly welcome: Welcome;
  /** Hands over up to 500 reports in order, or none as a heartbeat. Resolves with the ids that the broker has safely recorded. */
  report(reports: readonly Report[], telemetry?: Telemetry): Promise<readonly string[]>;
  screenshots(orderId: string, outcome: ScreenshotOutcome): Promise<void>;
  /** Ends it from this side; `closed` is not called for it. */
  close(): void;
}

export interface BrokerLink {
  /**
   * Greets the broker whose turn it is and opens the order stream; orders may arrive before it resolves. Rejects with an Error whose message says
   * what went wrong: no answer, a broken certificate, refused credentials, a greeting that was turned down.
   */
  connect(greeting: Greeting, handlers: LinkHandlers): Promise<BrokerConnection>;
  /** The next connection goes to another broker, where there is one. */
  turn(): void;
  /** How many brokers have their turn before it is the first one's again, as far as is known. */
  brokers(): number;
  /** Lets go of sockets. */
  close(): Promise<void>;
}

/** What can be said of a broker. These shapes are stored for ever: a new meaning gets a new type, never a new reading. */

/** Where the others find it. */
export interface BrokerAddress {
  /** The name of its machine, for people. */
  readonly host: string;
  /** Of the port that agents and other brokers use, without a path: `https://10.0.0.4:8445`. */
  readonly url: string;
}

export type BrokerEvent =
  /** It serves from now on. */
  | { readonly type: 'broker.joined'; readonly data: BrokerAddress }
  /** It was stopped, or is gone. */
  | { readonly type: 'broker.left'; readonly data: { readonly reason: string } };

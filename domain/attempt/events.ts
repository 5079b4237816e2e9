/**
 * What can be said of attempts that were turned down before they came to an actor, or by one, and of logins. They decide nothing, so there is no machine: they are
 * kept for those who ask later. Stored for ever; no password, token or other secret is ever in them.
 */

/** One request, or one item of a batch, that was refused. Texts are bounded by whoever records them. */
export interface RefusedAttempt {
  /** The id of the operation, such as `deleteSessions`; a path where there is none, such as `/oauth2/token`. */
  readonly operation: string;
  /** Of the answer; 200 where an item of a batch was refused and the batch was not. */
  readonly status: number;
  readonly code: string;
  readonly reason: string;
  /** The stream of the actor it was about, where it named one; there need not be any such actor. */
  readonly target?: string | undefined;
  /** The owner whom the caller named. */
  readonly owner?: string | undefined;
  /** Who the caller said to be, where that was not proven; where it was, the cause of the fact says who. */
  readonly claimedClient?: string | undefined;
  /** Of the connection; a proxy in between shows its own. */
  readonly remoteAddress?: string | undefined;
  /** Of a connection token that was refused although it is one of ours. */
  readonly user?: string | undefined;
  /** Of the user's machine, as the DCV server said. */
  readonly clientAddress?: string | undefined;
}

/** A DCV server was told to let somebody in. */
export interface Login {
  readonly operation: string;
  readonly user: string;
  /** The stream of the session. */
  readonly target: string;
  /** Of the DCV server, and of the user's machine as that server said. */
  readonly remoteAddress?: string | undefined;
  readonly clientAddress?: string | undefined;
}

export type AttemptEvent =
  | { readonly type: 'attempt.refused'; readonly data: RefusedAttempt }
  | { readonly type: 'login.accepted'; readonly data: Login }
  /** More came than are recorded one by one. */
  | {
      readonly type: 'attempt.omitted';
      readonly data: {
        readonly count: number;
        /** When the first and the last of them came: milliseconds since 1970 (UTC). */
        readonly from: number;
        readonly to: number;
        /** How many of each code. */
        readonly codes: Readonly<Record<string, number>>;
      };
    };

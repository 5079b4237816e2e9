/** What a request with a key can be told. Imperative; each is judged by decide.ts and may be turned down. */

export type RequestCommand =
  /** It has come, for the first time or again. Times are milliseconds since 1970 (UTC). */
  | {
      readonly type: 'accept';
      readonly operation: string;
      readonly fingerprint: string;
      readonly now: number;
      /** When the key is to be as new, if this is the first time. */
      readonly expires: number;
    }
  /** It has been carried out. `round`: the one in which it was accepted. */
  | { readonly type: 'answer'; readonly round: number; readonly status: number; readonly body: string };

/** What can be said of an API request that came with a key. Stored for ever: a new meaning gets a new type, and a better shape a new version (see upcasters.ts). */

export type RequestEvent =
  | {
      readonly type: 'request.accepted';
      readonly data: {
        readonly operation: string;
        /** SHA-256 of method, path and body, in hexadecimal. */
        readonly fingerprint: string;
        /** From then on the key is as new: milliseconds since 1970 (UTC). */
        readonly expires: number;
      };
    }
  /** `body`: the answer as it was sent, byte for byte. */
  | { readonly type: 'request.answered'; readonly data: { readonly status: number; readonly body: string } };

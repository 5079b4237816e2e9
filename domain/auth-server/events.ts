/** What can be said of authorization servers elsewhere, whose tokens the API takes. Stored for ever (see upcasters.ts). */

export interface AuthServer {
  /** Where it publishes its keys, as a JSON Web Key Set. */
  readonly url: string;
  /** What its tokens call it (`iss`), without a slash at the end. */
  readonly issuer: string;
}

export type AuthServerEvent =
  /** Also of one that is registered: the issuer is another one from then on. */
  | { readonly type: 'auth-server.registered'; readonly data: AuthServer }
  | { readonly type: 'auth-server.unregistered'; readonly data: Record<string, never> };

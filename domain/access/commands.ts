/** What can be done with a credential. */
import type { AccessEvent } from './events.ts';

type Grant = Extract<AccessEvent, { type: 'api-client.registered' | 'software-statement.issued' | 'agent-client.registered' }>;
type Revocation = Exclude<AccessEvent, Grant>;

export type AccessCommand =
  | { readonly type: 'grant'; readonly event: Grant }
  /** The kind must be that of the stream. */
  | { readonly type: 'revoke'; readonly event: Revocation };

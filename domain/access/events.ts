/** What can be said of those who may talk to the broker. Stored for ever (see upcasters.ts); no secret is ever in them, only hashes. */
import type { Reach } from './reach.ts';

export type AccessEvent =
  /** A caller of the API. `passwordHash`: a slow hash (see adapters/passwords.ts). */
  | { readonly type: 'api-client.registered'; readonly data: Reach & { readonly name: string; readonly passwordHash: string } }
  | { readonly type: 'api-client.unregistered'; readonly data: Record<string, never> }
  /** A permit to enrol agents. `statementHash`: SHA-256 of the statement, which is long and random, so a fast hash is enough. */
  | { readonly type: 'software-statement.issued'; readonly data: { readonly statementHash: string } }
  | { readonly type: 'software-statement.deactivated'; readonly data: Record<string, never> }
  /** An enrolled agent. `secretHash`: SHA-256 of a secret of 256 random bits, so a fast hash is enough. */
  | {
      readonly type: 'agent-client.registered';
      readonly data: { readonly name: string; readonly secretHash: string; readonly statementId: string };
    }
  | { readonly type: 'agent-client.unregistered'; readonly data: Record<string, never> };

/** Credentials as actors: the streams `api-client-<id>`, `software-statement-<id>` and `agent-client-<id>`. */
import type { ActorKind } from '../actors.ts';
import type { AccessCommand } from './commands.ts';
import { decideAccess } from './decide.ts';
import type { AccessEvent } from './events.ts';
import { accessMachine } from './machine.ts';

export type CredentialKind = 'api-client' | 'software-statement' | 'agent-client';

/** Nothing but a look-up follows a decision here, so no credential is kept as an actor. */
export const accessKind = (category: CredentialKind): ActorKind<typeof accessMachine, AccessCommand, AccessEvent> => ({
  category,
  machine: accessMachine,
  decide: decideAccess,
  isOver: () => true,
});

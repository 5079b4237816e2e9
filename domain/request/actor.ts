/** API requests with a key as actors: the stream `request-<id>`, where the id is derived from client and key. */
import type { ActorKind } from '../actors.ts';
import type { RequestCommand } from './commands.ts';
import { decideRequest } from './decide.ts';
import type { RequestEvent } from './events.ts';
import { requestMachine } from './machine.ts';

/** An answer may be large and is seldom asked for again, so it is not kept in memory. */
export const requestKind: ActorKind<typeof requestMachine, RequestCommand, RequestEvent> = {
  category: 'request',
  machine: requestMachine,
  decide: decideRequest,
  isOver: ({ value }) => value !== 'pending',
};

/** Servers as actors: the stream `server-<id>`. */
import type { ActorKind, Actors } from '../actors.ts';
import type { ServerCommand } from './commands.ts';
import { decideServer } from './decide.ts';
import type { ServerEvent } from './events.ts';
import { serverMachine } from './machine.ts';

export const serverKind: ActorKind<typeof serverMachine, ServerCommand, ServerEvent> = {
  category: 'server',
  machine: serverMachine,
  decide: decideServer,
  isOver: ({ value }) => value === 'removed' || value === 'unknown',
};

export type Servers = Actors<typeof serverMachine, ServerCommand, ServerEvent>;

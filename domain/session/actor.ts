/** Sessions as actors: the stream `session-<id>`. */
import type { ActorKind, Actors } from '../actors.ts';
import type { SessionCommand } from './commands.ts';
import { decideSession } from './decide.ts';
import type { SessionEvent } from './events.ts';
import { sessionMachine } from './machine.ts';

export const sessionKind: ActorKind<typeof sessionMachine, SessionCommand, SessionEvent> = {
  category: 'session',
  machine: sessionMachine,
  decide: decideSession,
  isOver: ({ value }) => value === 'deleted' || value === 'refused' || value === 'unknown',
};

export type Sessions = Actors<typeof sessionMachine, SessionCommand, SessionEvent>;

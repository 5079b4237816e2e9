/** Authorization servers elsewhere as actors: the streams `auth-server-<hash of the URL>`. */
import type { ActorKind } from '../actors.ts';
import { accepted, type Decision, rejected } from '../decision.ts';
import type { AuthServer, AuthServerEvent } from './events.ts';
import { type AuthServerSnapshot, authServerMachine } from './machine.ts';

export type AuthServerCommand = { readonly type: 'register'; readonly server: AuthServer } | { readonly type: 'unregister' };

export const authServerKind: ActorKind<typeof authServerMachine, AuthServerCommand, AuthServerEvent> = {
  category: 'auth-server',
  machine: authServerMachine,
  decide: decideAuthServer,
  isOver: () => true,
};

function decideAuthServer({ value, context }: AuthServerSnapshot, command: AuthServerCommand): Decision<AuthServerEvent> {
  switch (command.type) {
    case 'register':
      return context.issuer === command.server.issuer ? accepted() : accepted({ type: 'auth-server.registered', data: command.server });
    case 'unregister':
      if (value === 'strange') return rejected('NOT_REGISTERED', 'There is no such authorization server.');
      return accepted({ type: 'auth-server.unregistered', data: {} });
  }
}

/** The life of an authorization server elsewhere: trusted from a registration until it is taken back, as often as an operator likes. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { AuthServerEvent } from './events.ts';

export interface AuthServerContext {
  /** Empty while it is not trusted. */
  readonly issuer: string;
}

const machineSetup = setup({
  types: { context: {} as AuthServerContext, events: {} as AuthServerEvent },
  actions: {
    remember: assign(({ event }) => ({ issuer: 'issuer' in event.data ? event.data.issuer : '' })),
  },
});

export const authServerMachine = machineSetup.createMachine({
  id: 'auth-server',
  context: { issuer: '' },
  initial: 'strange',
  states: {
    strange: { on: { 'auth-server.registered': { target: 'trusted', actions: 'remember' } } },
    trusted: {
      on: {
        'auth-server.registered': { actions: 'remember' },
        'auth-server.unregistered': { target: 'strange', actions: 'remember' },
      },
    },
  },
});

export type AuthServerSnapshot = SnapshotFrom<typeof authServerMachine>;

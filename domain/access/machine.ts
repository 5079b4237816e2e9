/** The life of a credential (API client, software statement or agent client): valid once, then for ever not. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { AccessEvent } from './events.ts';

/** What is remembered of a credential: the hash to compare with. Empty before the first fact. */
export interface AccessContext {
  readonly hash: string;
}

const machineSetup = setup({
  types: { context: {} as AccessContext, events: {} as AccessEvent },
  actions: {
    remember: assign(({ event }) => fold(event)),
  },
});

const becomesActive = { target: 'active', actions: 'remember' } as const;

export const accessMachine = machineSetup.createMachine({
  id: 'access',
  context: { hash: '' },
  initial: 'unknown',
  states: {
    unknown: {
      on: {
        'api-client.registered': becomesActive,
        'software-statement.issued': becomesActive,
        'agent-client.registered': becomesActive,
      },
    },
    active: {
      on: {
        'api-client.unregistered': 'inactive',
        'software-statement.deactivated': 'inactive',
        'agent-client.unregistered': 'inactive',
      },
    },
    inactive: {},
  },
});

export type AccessSnapshot = SnapshotFrom<typeof accessMachine>;

function fold(event: AccessEvent): Partial<AccessContext> {
  switch (event.type) {
    case 'api-client.registered':
      return { hash: event.data.passwordHash };
    case 'software-statement.issued':
      return { hash: event.data.statementHash };
    case 'agent-client.registered':
      return { hash: event.data.secretHash };
    case 'api-client.unregistered':
    case 'software-statement.deactivated':
    case 'agent-client.unregistered':
      return {};
  }
}

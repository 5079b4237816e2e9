/** The life of a credential (API client, software statement or agent client): valid once, then for ever not. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { AccessEvent } from './events.ts';

/** What is remembered of a credential: the hash to compare with. Empty before the first fact and after the last. */
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
const becomesInactive = { target: 'inactive', actions: 'remember' } as const;

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
        'api-client.unregistered': becomesInactive,
        'software-statement.deactivated': becomesInactive,
        'agent-client.unregistered': becomesInactive,
      },
    },
    inactive: {},
  },
});

export type AccessSnapshot = SnapshotFrom<typeof accessMachine>;

function fold({ data }: AccessEvent): AccessContext {
  if ('passwordHash' in data) return { hash: data.passwordHash };
  if ('statementHash' in data) return { hash: data.statementHash };
  return { hash: 'secretHash' in data ? data.secretHash : '' };
}

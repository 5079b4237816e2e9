/** The life of the DNS mappings: a list takes the place of the one before. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { DnsEvent, DnsMapping } from './events.ts';

export interface DnsContext {
  readonly mappings: readonly DnsMapping[];
}

const machineSetup = setup({
  types: { context: {} as DnsContext, events: {} as DnsEvent },
  actions: {
    remember: assign(({ event }) => ({ mappings: event.data.mappings })),
  },
});

export const dnsMachine = machineSetup.createMachine({
  id: 'dns',
  context: { mappings: [] },
  initial: 'standing',
  states: { standing: { on: { 'dns-mappings.registered': { actions: 'remember' } } } },
});

export type DnsSnapshot = SnapshotFrom<typeof dnsMachine>;

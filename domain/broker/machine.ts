/** The life of a broker: it comes and goes. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { BrokerAddress, BrokerEvent } from './events.ts';

/** What is remembered of a broker. */
export interface BrokerContext {
  /** Null before the first fact. */
  readonly address: BrokerAddress | null;
}

const machineSetup = setup({
  types: { context: {} as BrokerContext, events: {} as BrokerEvent },
  actions: {
    remember: assign(({ context, event }) => (event.type === 'broker.joined' ? { address: event.data } : context)),
  },
});

const joins = { target: 'joined', actions: 'remember' } as const;

export const brokerMachine = machineSetup.createMachine({
  id: 'broker',
  context: { address: null },
  initial: 'unknown',
  states: {
    unknown: { on: { 'broker.joined': joins } },
    /** Killed and started again before anyone noticed, perhaps at another address. */
    joined: { on: { 'broker.joined': joins, 'broker.left': 'left' } },
    left: { on: { 'broker.joined': joins } },
  },
});

export type BrokerSnapshot = SnapshotFrom<typeof brokerMachine>;

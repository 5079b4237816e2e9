/** The life of a server: which fact may follow which. Open and closed are states; what else decides about slots is its capacity. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { BrokerId } from '../ids.ts';
import { type ServerCapacity, slotOf, UNDESCRIBED, withoutSlot, withSlot } from './capacity.ts';
import type { ServerDescription, ServerEvent } from './events.ts';

/** What a server remembers. JSON and nothing else, so that it survives a snapshot. */
export interface ServerContext extends ServerCapacity {
  /** The agent client that this server id belongs to; empty before the first fact. */
  readonly agentClientId: string;
  /** The broker that its agent is, or was last, connected to; null where the facts do not say. */
  readonly broker: BrokerId | null;
  /** Null until its agent has described it. */
  readonly description: ServerDescription | null;
}

const machineSetup = setup({
  types: { context: {} as ServerContext, events: {} as ServerEvent },
  actions: {
    remember: assign(({ context, event }) => fold(context, event)),
  },
  guards: {
    isFree: ({ context, event }) => event.type === 'server.slot-reserved' && slotOf(context.slots, event.data.sessionId) === undefined,
    isTaken: ({ context, event }) => event.type === 'server.slot-released' && slotOf(context.slots, event.data.sessionId) !== undefined,
    wasClosed: ({ context }) => !context.open,
  },
});

const remember = { actions: 'remember' } as const;

/** While it is registered, whether open or closed. */
const registered = {
  'server.described': remember,
  'server.slot-reserved': { guard: 'isFree', ...remember },
  'server.slot-released': { guard: 'isTaken', ...remember },
  'server.became-unreachable': remember,
  'server.became-reachable': remember,
  'server.health-changed': remember,
  'server.logged-in-users-changed': remember,
  'server.removed': { target: 'removed', ...remember },
} as const;

const registration = [
  { guard: 'wasClosed', target: 'closed', ...remember },
  { target: 'open', ...remember },
] as const;

export const serverMachine = machineSetup.createMachine({
  id: 'server',
  context: { ...UNDESCRIBED, agentClientId: '', broker: null, description: null },
  initial: 'unknown',
  states: {
    unknown: { on: { 'server.registered': registration } },
    open: { on: { ...registered, 'server.closed': { target: 'closed', ...remember } } },
    closed: { on: { ...registered, 'server.opened': { target: 'open', ...remember } } },
    /** Not final for XState: its agent may come back, and a server that was closed comes back closed. */
    removed: { on: { 'server.registered': registration } },
  },
});

export type ServerSnapshot = SnapshotFrom<typeof serverMachine>;

function fold(context: ServerContext, event: ServerEvent): Partial<ServerContext> {
  switch (event.type) {
    case 'server.registered':
      return { agentClientId: event.data.agentClientId, broker: event.data.broker, reachable: true };
    case 'server.described': {
      const description = event.data;
      const { maxVirtualSessions, maxSessionsPerOwner } = description;
      return { description, osFamily: description.os.family, maxVirtualSessions, maxSessionsPerOwner };
    }
    case 'server.opened':
      return { open: true };
    case 'server.closed':
      return { open: false };
    case 'server.slot-reserved':
      return { slots: withSlot(context.slots, event.data) };
    case 'server.slot-released':
      return { slots: withoutSlot(context.slots, event.data.sessionId) };
    case 'server.became-unreachable':
      return { reachable: false };
    case 'server.became-reachable':
      return { broker: event.data.broker, reachable: true };
    case 'server.health-changed':
      return { healthy: event.data.healthy };
    case 'server.logged-in-users-changed':
      return { loggedInUsers: event.data.users };
    case 'server.removed':
      return { slots: [], reachable: false };
  }
}

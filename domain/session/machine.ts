/** The life of a session: which fact may follow which. The only judge of that, for commands and for replay alike. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { ServerId } from '../ids.ts';
import type { PlacementWish, SessionEvent, SessionSpec } from './events.ts';

/** What a session remembers. JSON and nothing else, so that it survives a snapshot. */
export interface SessionContext {
  /** Null before the first fact. */
  readonly spec: SessionSpec | null;
  readonly wish: PlacementWish;
  /** Where it is placed, or was last; null before the first placement. */
  readonly serverId: ServerId | null;
  /** Its id on that host. */
  readonly localId: string | null;
  /** Placements so far; 0 for a session that was found on its host. */
  readonly attempt: number;
  /** Where it was placed, attempt by attempt: `tried[0]` for attempt 1. */
  readonly tried: readonly ServerId[];
  /** How often another broker began anew to place it. */
  readonly round: number;
  /** The attempt that it waited for in the queue last; 0: it never did. */
  readonly queuedFor: number;
  /** Whoever asked for it was told that it is being made, so it may fail but not vanish. */
  readonly isTold: boolean;
  readonly connections: number;
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number;
  readonly lastDisconnectionTime: number | null;
  /** Deleted on request and not by force, or failed for good: should it turn out to be alive after all, it is closed, not adopted. */
  readonly isUnwanted: boolean;
  /** Why it is where it is, for people; empty when there is nothing to say. */
  readonly reason: string;
}

/** A fact as the machine needs it. */
type SessionInput = SessionEvent & { readonly time: number };

const NOTHING: SessionContext = {
  spec: null,
  wish: { enqueue: false, retry: false },
  serverId: null,
  localId: null,
  attempt: 0,
  tried: [],
  round: 0,
  queuedFor: 0,
  isTold: false,
  connections: 0,
  creationTime: 0,
  lastDisconnectionTime: null,
  isUnwanted: false,
  reason: '',
};

const machineSetup = setup({
  types: { context: {} as SessionContext, events: {} as SessionInput },
  actions: {
    remember: assign(({ context, event }) => fold(context, event)),
  },
  guards: {
    isRetrying: ({ event }) => event.type === 'session.failed' && event.data.retrying,
  },
});

const remember = { actions: 'remember' } as const;

export const sessionMachine = machineSetup.createMachine({
  id: 'session',
  context: NOTHING,
  initial: 'unknown',
  states: {
    unknown: {
      on: {
        'session.requested': { target: 'placing', ...remember },
        'session.refused': { target: 'refused', ...remember },
        'session.adopted': { target: 'ready', ...remember },
      },
    },
    placing: {
      on: {
        'session.queued': remember,
        'session.acknowledged': remember,
        'session.placement-restarted': remember,
        'session.placed': { target: 'placed', ...remember },
        'session.refused': { target: 'refused', ...remember },
        'session.failed': { target: 'deleted', ...remember },
        'session.permissions-updated': remember,
        'session.deletion-requested': { target: 'deleting', ...remember },
      },
    },
    placed: {
      on: {
        'session.started': { target: 'ready', ...remember },
        'session.failed': [
          { guard: 'isRetrying', target: 'placing', ...remember },
          { target: 'deleted', ...remember },
        ],
        'session.permissions-updated': remember,
        'session.deletion-requested': { target: 'deleting', ...remember },
      },
    },
    ready: {
      on: {
        'session.connections-changed': remember,
        'session.permissions-updated': remember,
        'session.deletion-requested': { target: 'deleting', ...remember },
        'session.deleted': { target: 'deleted', ...remember },
      },
    },
    deleting: {
      on: {
        'session.connections-changed': remember,
        'session.deletion-requested': remember,
        'session.deleted': { target: 'deleted', ...remember },
      },
    },
    /** Not final for XState: a session deleted by force may turn out to be alive. */
    deleted: { on: { 'session.adopted': { target: 'ready', ...remember } } },
    refused: {},
  },
});

export type SessionSnapshot = SnapshotFrom<typeof sessionMachine>;

function fold(context: SessionContext, event: SessionInput): Partial<SessionContext> {
  switch (event.type) {
    case 'session.requested': {
      const { requirements, enqueue, retry, ...spec } = event.data;
      return { spec, wish: { requirements, enqueue, retry }, creationTime: event.time };
    }
    case 'session.refused': {
      const { requirements, enqueue, retry, reason, ...spec } = event.data;
      return { spec, wish: { requirements, enqueue, retry }, creationTime: context.creationTime || event.time, reason };
    }
    case 'session.queued':
      return { queuedFor: event.data.attempt, isTold: true };
    case 'session.acknowledged':
      return { isTold: true };
    case 'session.placement-restarted':
      return { round: event.data.round };
    case 'session.placed':
      return { isTold: true, serverId: event.data.serverId, attempt: event.data.attempt, tried: [...context.tried, event.data.serverId] };
    case 'session.started':
      return { reason: '' };
    case 'session.failed':
      return { reason: event.data.reason, isUnwanted: !event.data.retrying };
    case 'session.deletion-requested':
      return { isUnwanted: !event.data.force };
    case 'session.deleted':
      return { reason: event.data.reason, connections: 0 };
    case 'session.permissions-updated':
      // Only a session that was requested or adopted takes this fact, and it has a specification since then.
      return { spec: { ...(context.spec as SessionSpec), permissionsFile: event.data.permissionsFile } };
    case 'session.connections-changed':
      return {
        connections: event.data.count,
        lastDisconnectionTime: event.data.lastDisconnectionTime ?? context.lastDisconnectionTime,
      };
    case 'session.adopted': {
      const { serverId, localId, creationTime, connections, attempt = context.attempt, ...spec } = event.data;
      const life = { creationTime, connections, lastDisconnectionTime: null, isUnwanted: false, reason: '' };
      return { spec, serverId, localId, attempt, ...life };
    }
  }
}

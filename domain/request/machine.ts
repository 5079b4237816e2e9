/** The life of a request with a key: accepted, answered, and after a day the same again with another request. */
import { assign, type SnapshotFrom, setup } from 'xstate';
import type { Origin } from '../facts.ts';
import { type RequestId, requestId } from '../ids.ts';
import type { RequestEvent } from './events.ts';

/** What a request remembers. JSON and nothing else, so that it survives a snapshot. */
export interface RequestContext {
  /** Requests accepted under this key so far; what follows from each is told apart by it. */
  readonly round: number;
  /** Of the attempt that was accepted: attempts after it go by the same id. Empty before the first fact. */
  readonly requestId: RequestId;
  readonly fingerprint: string;
  /** Milliseconds since 1970 (UTC). */
  readonly expires: number;
  /** Null until it was answered. */
  readonly answer: { readonly status: number; readonly body: string } | null;
}

/** A fact as the machine needs it. */
type RequestInput = RequestEvent & Pick<Origin, 'requestId'>;

const machineSetup = setup({
  types: { context: {} as RequestContext, events: {} as RequestInput },
  actions: {
    remember: assign(({ context, event }) => fold(context, event)),
  },
});

const begins = { target: 'pending', actions: 'remember' } as const;

export const requestMachine = machineSetup.createMachine({
  id: 'request',
  context: { round: 0, requestId: requestId(''), fingerprint: '', expires: 0, answer: null },
  initial: 'unknown',
  states: {
    unknown: { on: { 'request.accepted': begins } },
    /** Being carried out, or cut short by the end of a broker. */
    pending: { on: { 'request.accepted': begins, 'request.answered': { target: 'answered', actions: 'remember' } } },
    answered: { on: { 'request.accepted': begins } },
  },
});

export type RequestSnapshot = SnapshotFrom<typeof requestMachine>;

function fold(context: RequestContext, event: RequestInput): RequestContext {
  switch (event.type) {
    case 'request.accepted': {
      const { fingerprint, expires } = event.data;
      return { round: context.round + 1, requestId: event.requestId, fingerprint, expires, answer: null };
    }
    case 'request.answered':
      return { ...context, answer: event.data };
  }
}

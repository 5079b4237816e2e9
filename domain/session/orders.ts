/** Which order a session's host must carry out now, given the state that the session is in. */
import type { SessionId } from '../ids.ts';
import type { Order } from '../ports/agent-link.ts';
import type { SessionSnapshot } from './machine.ts';

/** Undefined when its host has nothing to do. The same state always gives the same `orderId`, so that repeating it is harmless. */
export function orderFor(sessionId: SessionId, { value, context }: SessionSnapshot): Order | undefined {
  if (value === 'placed' && context.spec !== null) {
    const { attempt, spec } = context;
    return { kind: 'create-session', orderId: `create-session:${sessionId}:${attempt}`, sessionId, attempt, spec };
  }
  if (value === 'deleting' || value === 'deleted') return closeOrder(sessionId, context.localId, context.attempt);
  return undefined;
}

/** Closes whatever has this id on the host. */
export function closeOrder(sessionId: SessionId, localId: string | null, attempt: number): Order {
  return {
    kind: 'close-session',
    orderId: `close-session:${sessionId}:${attempt}`,
    sessionId,
    localId: localId ?? sessionId,
  };
}

/** What follows from a command to a server, given all that happened to it so far. Already done is `{ accepted: [] }`. */
import { accepted, type Decision, rejected } from '../decision.ts';
import { ANONYMOUS_AGENT } from '../ids.ts';
import { canTake, slotOf } from './capacity.ts';
import type { ServerCommand } from './commands.ts';
import type { ServerDescription, ServerEvent } from './events.ts';
import type { ServerContext, ServerSnapshot } from './machine.ts';

type Command<T extends ServerCommand['type']> = Extract<ServerCommand, { type: T }>;
type ServerDecision = Decision<ServerEvent>;

const NOT_FOUND = rejected('DCV_SERVER_NOT_FOUND', 'Dcv server not found.');

export function decideServer(snapshot: ServerSnapshot, command: ServerCommand): ServerDecision {
  if (command.type === 'greet') return greet(snapshot, command);
  if (snapshot.value === 'unknown' || snapshot.value === 'removed') return NOT_FOUND;
  const { context } = snapshot;
  switch (command.type) {
    case 'describe':
      return accepted(...described(context, command.description));
    case 'change-health':
      return accepted(...health(context, command.healthy, command.reason));
    case 'change-logged-in-users':
      return accepted(...users(context, command.users));
    case 'lose':
      return lose(context, command);
    case 'reserve':
      return reserve(context, command);
    case 'count':
      return count(context, command);
    case 'release':
      return release(context, command);
    case 'open':
      return context.open ? accepted() : accepted({ type: 'server.opened', data: {} });
    case 'close':
      return close(context, command);
    case 'remove':
      return context.reachable ? accepted() : accepted({ type: 'server.removed', data: { reason: command.reason } });
  }
}

function greet({ value, context }: ServerSnapshot, command: Command<'greet'>): ServerDecision {
  const isNew = value === 'unknown' || value === 'removed';
  const { broker } = command;
  // One without a name was let in because names do not count, so it is not held against it that it once had one.
  const [holder, guest]: readonly string[] = [context.agentClientId, command.clientId];
  if (holder !== guest && holder !== ANONYMOUS_AGENT && guest !== ANONYMOUS_AGENT && !isNew) {
    return rejected('SERVER_ID_TAKEN', 'This server id belongs to another agent.');
  }
  return accepted(
    ...(isNew ? [{ type: 'server.registered', data: { agentClientId: command.clientId, broker } } as const] : []),
    ...described(context, command.description),
    ...health(context, command.healthy, command.healthReason),
    ...users(context, command.loggedInUsers),
    ...(isNew || (context.reachable && context.broker === broker) ? [] : [{ type: 'server.became-reachable', data: { broker } } as const]),
  );
}

/** Its agent may have moved to another broker meanwhile. */
function lose({ reachable, broker }: ServerContext, command: Command<'lose'>): ServerDecision {
  const isHolder = broker === null || broker === command.broker;
  return reachable && isHolder ? accepted({ type: 'server.became-unreachable', data: { reason: command.reason } }) : accepted();
}

function described(context: ServerContext, description: ServerDescription): readonly ServerEvent[] {
  return isSame(context.description, description) ? [] : [{ type: 'server.described', data: description }];
}

function health(context: ServerContext, healthy: boolean, reason: string | undefined): readonly ServerEvent[] {
  return healthy === context.healthy ? [] : [{ type: 'server.health-changed', data: { healthy, reason } }];
}

function users(context: ServerContext, names: readonly string[]): readonly ServerEvent[] {
  return isSame(context.loggedInUsers, names) ? [] : [{ type: 'server.logged-in-users-changed', data: { users: names } }];
}

/** The server alone decides about its slots, so that no two placements ever overfill it. */
function reserve(context: ServerContext, command: Command<'reserve'>): ServerDecision {
  const { sessionId, sessionType, owner, attempt } = command;
  if (slotOf(context.slots, sessionId) !== undefined) return accepted();
  const verdict = canTake(context, { sessionType, owner });
  if (!verdict.ok) return rejected(verdict.code, verdict.reason);
  return accepted({ type: 'server.slot-reserved', data: { sessionId, sessionType, owner, attempt } });
}

/** A session made by hand may have been made anew, and otherwise, before the slot of the former one of its name was given back. */
function count({ slots }: ServerContext, { sessionId, sessionType, owner }: Command<'count'>): ServerDecision {
  const slot = slotOf(slots, sessionId);
  const reserved: ServerEvent = { type: 'server.slot-reserved', data: { sessionId, sessionType, owner, attempt: 0 } };
  if (slot === undefined) return accepted(reserved);
  if (slot.attempt > 0 || (slot.sessionType === sessionType && slot.owner === owner)) return accepted();
  return accepted<ServerEvent>({ type: 'server.slot-released', data: { sessionId } }, reserved);
}

function release(context: ServerContext, { sessionId }: Command<'release'>): ServerDecision {
  return slotOf(context.slots, sessionId) === undefined ? accepted() : accepted({ type: 'server.slot-released', data: { sessionId } });
}

function close(context: ServerContext, { force }: Command<'close'>): ServerDecision {
  if (!context.open) return accepted();
  const sessions = context.slots.length;
  if (sessions > 0 && !force) {
    const some = sessions === 1 ? '1 session is' : `${sessions} sessions are`;
    return rejected('DCV_SERVER_HAS_SESSIONS', `${some} on the server; Force closes it all the same and leaves them running.`);
  }
  return accepted({ type: 'server.closed', data: { force } });
}

/** Both sides are JSON made by the same code, so their keys stand in the same order. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

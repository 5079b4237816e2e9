/** What follows from a command to a session, given all that happened to it so far. Already done is `{ accepted: [] }`. */
import { accepted, type Decision, rejected } from '../decision.ts';
import type { ServerId } from '../ids.ts';
import type { FoundSession } from '../ports/agent-link.ts';
import type { SessionCommand } from './commands.ts';
import type { SessionEvent } from './events.ts';
import type { SessionContext, SessionSnapshot } from './machine.ts';

type Command<T extends SessionCommand['type']> = Extract<SessionCommand, { type: T }>;
type SessionDecision = Decision<SessionEvent>;

export function decideSession(snapshot: SessionSnapshot, command: SessionCommand): SessionDecision {
  switch (command.type) {
    case 'request':
      return snapshot.value === 'unknown' ? accepted({ type: 'session.requested', data: command.spec }) : accepted();
    case 'refuse':
      return refuse(snapshot, command);
    case 'place':
      return place(snapshot, command);
    case 'queue':
      return queue(snapshot);
    case 'acknowledge':
      return acknowledge(snapshot);
    case 'restart-placement':
      return restartPlacement(snapshot, command);
    case 'report-started':
      return started(snapshot, command);
    case 'report-failed':
      return failed(snapshot, command);
    case 'report-ended':
      return ended(snapshot, command);
    case 'report-found':
      return found(snapshot, command);
    case 'report-connections':
      return connections(snapshot, command);
    case 'admit':
      return admit(snapshot, command);
    case 'delete':
      return deletion(snapshot, command);
    case 'update-permissions':
      return permissions(snapshot, command);
    case 'expire-creation':
      return command.attempt === snapshot.context.attempt ? fail(snapshot, command) : accepted();
    case 'expire-deletion':
      return snapshot.value === 'deleting' ? accepted({ type: 'session.deleted', data: { reason: command.reason } }) : accepted();
    case 'drop':
      return drop(snapshot, command);
  }
}

const NOT_FOUND = rejected('SESSION_NOT_FOUND', 'The requested dcvSession does not exist');
const UNWANTED = rejected('SESSION_UNWANTED', 'The session was deleted.');
const NOT_HERE = rejected('SESSION_ELSEWHERE', 'The session is not placed on this server.');

function refuse({ value, context }: SessionSnapshot, { spec, reason }: Command<'refuse'>): SessionDecision {
  if (value !== 'unknown' && value !== 'placing') return accepted();
  if (!context.isTold) return accepted({ type: 'session.refused', data: { ...spec, reason } });
  return accepted({ type: 'session.failed', data: { attempt: context.attempt, reason, retrying: false } });
}

function queue({ value, context }: SessionSnapshot): SessionDecision {
  const attempt = context.attempt + 1;
  return value === 'placing' && context.queuedFor !== attempt ? accepted({ type: 'session.queued', data: { attempt } }) : accepted();
}

function acknowledge({ value, context }: SessionSnapshot): SessionDecision {
  return value === 'placing' && !context.isTold ? accepted({ type: 'session.acknowledged', data: {} }) : accepted();
}

function restartPlacement({ value, context }: SessionSnapshot, { round }: Command<'restart-placement'>): SessionDecision {
  if (value !== 'placing' || context.round !== round) return accepted();
  return accepted({ type: 'session.placement-restarted', data: { round: round + 1 } });
}

function place({ value, context }: SessionSnapshot, { serverId, attempt, round = 0, choice }: Command<'place'>): SessionDecision {
  if (value === 'placing' && attempt === context.attempt + 1 && round === context.round) {
    return accepted({ type: 'session.placed', data: { serverId, attempt, choice: choice ?? null } });
  }
  const done = isAt(context.serverId, serverId) && attempt === context.attempt && value !== 'placing' && value !== 'deleted';
  return done ? accepted() : rejected('NOT_WAITING', 'The session does not wait for a server any more.');
}

/** One that looks for a server again has given this attempt up: what came of it after all is not wanted. */
function started({ value, context }: SessionSnapshot, { serverId, attempt }: Command<'report-started'>): SessionDecision {
  if (!isAt(context.serverId, serverId) || attempt !== context.attempt || value === 'placing') return NOT_HERE;
  return value === 'placed' ? accepted({ type: 'session.started', data: { attempt } }) : accepted();
}

function failed(snapshot: SessionSnapshot, command: Command<'report-failed'>): SessionDecision {
  const { value, context } = snapshot;
  if (!isAt(context.serverId, command.serverId) || command.attempt !== context.attempt) return NOT_HERE;
  if (value === 'deleting') return accepted({ type: 'session.deleted', data: { reason: command.reason } });
  return fail(snapshot, command);
}

/** Whether it is tried elsewhere is decided here, once for every way in which an attempt can fail. */
function fail({ value, context }: SessionSnapshot, { reason, maxAttempts }: Failure): SessionDecision {
  if (value !== 'placed') return accepted();
  const { attempt, wish } = context;
  return accepted({ type: 'session.failed', data: { attempt, reason, retrying: wish.retry && attempt < maxAttempts } });
}

interface Failure {
  readonly reason: string;
  readonly maxAttempts: number;
}

function drop(snapshot: SessionSnapshot, command: Command<'drop'>): SessionDecision {
  const { value, context } = snapshot;
  if (!isAt(context.serverId, command.serverId)) return NOT_HERE;
  if (value === 'ready' || value === 'deleting') return accepted({ type: 'session.deleted', data: { reason: command.reason } });
  return fail(snapshot, command);
}

function ended({ value, context }: SessionSnapshot, command: Command<'report-ended'>): SessionDecision {
  const { serverId, reason, creationTime = context.creationTime } = command;
  if (!isAt(context.serverId, serverId) || isAnother(context, creationTime)) return NOT_HERE;
  return value === 'ready' || value === 'deleting' ? accepted({ type: 'session.deleted', data: { reason } }) : accepted();
}

/** Alive on a host: started if that was awaited, adopted if it was not known to be alive; elsewhere, it is a left-over to be closed. */
function found({ value, context }: SessionSnapshot, { serverId, found }: Command<'report-found'>): SessionDecision {
  if (value === 'unknown') return accepted(...adoption(serverId, found));
  if (value === 'deleted') return isUnwanted(context, serverId, found) ? UNWANTED : accepted(...adoption(serverId, found));
  const isHere = isAt(context.serverId, serverId) && (found.attempt === context.attempt || found.attempt === 0);
  if (!isHere || value === 'placing' || value === 'refused') return NOT_HERE;
  if (isAnother(context, found.creationTime)) return replaced(serverId, found);
  return value === 'placed' ? accepted({ type: 'session.started', data: { attempt: context.attempt } }) : accepted();
}

/** Somebody on the host closed it and made another of its name, and nobody saw it happen. */
function replaced(serverId: ServerId, found: FoundSession): SessionDecision {
  const gone: SessionEvent = { type: 'session.deleted', data: { reason: 'Another session of its name was made on its host.' } };
  return accepted<SessionEvent>(gone, ...adoption(serverId, found));
}

/** Of sessions made by hand only the host knows when that was. */
const isAnother = ({ attempt, creationTime }: SessionContext, foundTime: number): boolean => attempt === 0 && creationTime !== foundTime;

/** Names are given again on hosts: a session made by hand after the one of its name was deleted is another one. */
function isUnwanted({ isUnwanted, attempt, ...known }: SessionContext, serverId: ServerId, { creationTime }: FoundSession): boolean {
  const isSame = isAt(known.serverId, serverId) && known.creationTime === creationTime;
  return isUnwanted && (attempt > 0 || isSame);
}

function adoption(serverId: ServerId, found: FoundSession): readonly SessionEvent[] {
  const { spec, localId, creationTime, attempt, connections: count, lastDisconnectionTime } = found;
  const data = { ...spec, serverId, localId, creationTime, connections: count, attempt };
  const adopted: SessionEvent = { type: 'session.adopted', data };
  if (lastDisconnectionTime === undefined) return [adopted];
  return [adopted, { type: 'session.connections-changed', data: { count, lastDisconnectionTime } }];
}

function connections({ value, context }: SessionSnapshot, command: Command<'report-connections'>): SessionDecision {
  const { serverId, count, lastDisconnectionTime } = command;
  if (!isAt(context.serverId, serverId)) return NOT_HERE;
  const isLater = lastDisconnectionTime !== undefined && lastDisconnectionTime !== context.lastDisconnectionTime;
  const isNews = count !== context.connections || isLater;
  if (!isNews || (value !== 'ready' && value !== 'deleting')) return accepted();
  return accepted({ type: 'session.connections-changed', data: { count, lastDisconnectionTime } });
}

/** Entering leaves no fact of its own: what comes of it are its connections. */
function admit({ value, context }: SessionSnapshot, { creationTime }: Command<'admit'>): SessionDecision {
  if (value !== 'ready') return rejected('SESSION_CLOSED', 'The session is not READY.');
  return isAnother(context, creationTime) ? rejected('SESSION_REPLACED', 'The session is another one of the same name.') : accepted();
}

/** A session without a host is gone at once; so is one deleted by force. Otherwise its host closes it first. */
function deletion({ value, context }: SessionSnapshot, { owner, force }: Command<'delete'>): SessionDecision {
  if (value === 'unknown' || value === 'refused' || context.spec === null) return NOT_FOUND;
  if (owner !== context.spec.owner) return notTheOwner(owner);
  if (value === 'deleted' || (value === 'deleting' && !force)) return accepted();
  const requested: SessionEvent = { type: 'session.deletion-requested', data: { force } };
  if (force) return accepted<SessionEvent>(requested, { type: 'session.deleted', data: { reason: 'Deleted by force.' } });
  if (value !== 'placing') return accepted(requested);
  return accepted<SessionEvent>(requested, { type: 'session.deleted', data: { reason: 'Deleted before it was placed.' } });
}

function permissions({ value, context }: SessionSnapshot, command: Command<'update-permissions'>): SessionDecision {
  const { owner, permissionsFile } = command;
  if (value === 'unknown' || value === 'refused' || context.spec === null) return NOT_FOUND;
  if (owner !== context.spec.owner) return notTheOwner(owner);
  if (value === 'deleting' || value === 'deleted') {
    return rejected('SESSION_GONE', `The session is ${value.toUpperCase()}; its permissions cannot be changed.`);
  }
  if (permissionsFile === context.spec.permissionsFile) return accepted();
  return accepted({ type: 'session.permissions-updated', data: { permissionsFile } });
}

const notTheOwner = (owner: string) => rejected('OWNER_MISMATCH', `Owner: '${owner}' does not own the session.`);

const isAt = (actual: ServerId | null, expected: ServerId): boolean => actual === expected;

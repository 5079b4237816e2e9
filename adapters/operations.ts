/** The operations of the API, carried out: commands to actors, and answers from the read models. */
import type { Rejection } from '../domain/decision.ts';
import type { Origin } from '../domain/facts.ts';
import { type RequestId, requestId, type SessionId, serverId, sessionId, streamName } from '../domain/ids.ts';
import { compileRequirement } from '../domain/placement/requirements.ts';
import type { AgentLink } from '../domain/ports/agent-link.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import { type EventLog, LogBusyError } from '../domain/ports/event-log.ts';
import type { Outcomes, Placement } from '../domain/processes/outcomes.ts';
import type { Servers } from '../domain/server/actor.ts';
import type { Sessions } from '../domain/session/actor.ts';
import type { SessionSpec } from '../domain/session/events.ts';
import type { SessionSnapshot } from '../domain/session/machine.ts';
import type { Page, ServerView, SessionState, SessionView } from '../projections/views.ts';
import type { Application, Result, ScreenshotWish, ServerQuery, SessionQuery, SessionWish } from './application.ts';
import { readHistory, readHistoryOf } from './history.ts';
import { SESSION_NOT_FOUND } from './one-owner.ts';
import type { Entry } from './tokens.ts';

/** The read models, as the operations use them. */
export interface Reads {
  /** Resolves when the read models contain everything up to this position; throws LogBusyError if they do not within bounded time. */
  reached(position: number): Promise<void>;
  describeSessions(query: SessionQuery): Promise<Page<SessionView>>;
  describeServers(query: ServerQuery): Promise<Page<ServerView>>;
  /** Its id on its host, while it is placed on one. */
  place(id: SessionId): Promise<{ readonly serverId: string; readonly localId: string } | undefined>;
}

export interface OperationPorts {
  readonly log: EventLog;
  readonly sessions: Sessions;
  readonly servers: Servers;
  readonly outcomes: Outcomes;
  readonly reads: Reads;
  readonly link: AgentLink;
  readonly clock: Clock;
  readonly random: Random;
  issueConnectionToken(entry: Entry): Promise<string>;
}

export interface OperationLimits {
  /** How long a create call waits to learn whether there is a server; then it answers that the session is being placed. */
  readonly placementMs: number;
  /** Pixels; also the bound where the caller names none. */
  readonly screenshotWidth: number;
  readonly screenshotHeight: number;
  readonly screenshotFormat: 'png' | 'jpeg';
}

export function createApplication(ports: OperationPorts, limits: OperationLimits): Application {
  const { log, reads, servers, sessions } = ports;

  /** Whatever was acknowledged before this call can be read after it. */
  const readable = (): Promise<void> => reads.reached(log.known());

  async function describeSession(id: string, owner: string | undefined): Promise<SessionView | undefined> {
    await readable();
    return (await reads.describeSessions({ ids: [id], owners: owner === undefined ? undefined : [owner], limit: 1 })).items[0];
  }

  return {
    position: log.known,
    reached: reads.reached,
    createSessions: (items, origin) => each(items, (item) => createSession(ports, limits, item, origin)),
    deleteSessions: (items, origin) =>
      each(items, async ({ sessionId: id, owner, force }) => {
        const outcome = await sessions.execute(id, { type: 'delete', owner, force }, origin);
        return 'rejected' in outcome ? outcome : { done: STATES[outcome.snapshot.value].state };
      }),
    updateSessionPermissions: (items, origin) =>
      each(items, async ({ sessionId: id, owner, permissionsFile }) => {
        const outcome = await sessions.execute(id, { type: 'update-permissions', owner, permissionsFile }, origin);
        return 'rejected' in outcome ? outcome : { done: sessionId(id) };
      }),
    async describeSessions(query) {
      await readable();
      return reads.describeSessions(query);
    },
    async describeServers(query) {
      await readable();
      return reads.describeServers(query);
    },
    openServers: (items, origin) =>
      each(items, async ({ serverId: id }) => doneUnlessRejected(id, await servers.execute(id, { type: 'open' }, origin))),
    closeServers: (items, origin) =>
      each(items, async ({ serverId: id, force }) => doneUnlessRejected(id, await servers.execute(id, { type: 'close', force }, origin))),
    async screenshots(items, origin) {
      await readable();
      return each(items, (item) => screenshot(ports, limits, item, origin?.requestId));
    },
    async connectionData(id, user, owner) {
      const session = await describeSession(id, owner);
      if (session === undefined) return { rejected: SESSION_NOT_FOUND };
      if (session.state !== 'READY') return { rejected: notReady(session.state) };
      return {
        done: { session, connectionToken: await ports.issueConnectionToken({ sessionId: id, creationTime: session.creationTime, user }) },
      };
    },
    sessionHistory: (id, limit, after, owner) => {
      const stream = streamName('session', id);
      return owner === undefined ? readHistory(log, stream, limit, after) : readHistoryOf(owner, log, stream, { limit, after });
    },
    serverHistory: (id, limit, after) => readHistory(log, streamName('server', id), limit, after),
  };
}

const notReady = (state: SessionState): Rejection => ({
  code: 'SESSION_NOT_READY',
  reason: `The session is not in READY state; it is ${state}.`,
});

/** Items are independent: what is refused for one because the broker is busy does not undo its neighbours. */
function each<I, T>(items: readonly I[], act: (item: I) => Promise<Result<T>>): Promise<readonly Result<T>[]> {
  return Promise.all(
    items.map(async (item) => {
      try {
        return await act(item);
      } catch (error) {
        if (error instanceof LogBusyError && items.length > 1) return { rejected: BUSY };
        throw error;
      }
    }),
  );
}

const BUSY: Rejection = { code: 'BUSY', reason: 'The broker is busy; nothing was changed, try again.' };

function doneUnlessRejected(id: string, outcome: object | { rejected: Rejection }): Result<string> {
  return 'rejected' in outcome ? { rejected: outcome.rejected as Rejection } : { done: id };
}

async function createSession(
  ports: OperationPorts,
  limits: OperationLimits,
  { id = sessionId(ports.random.uuid()), ...spec }: SessionWish,
  origin: Origin,
): Promise<Result<SessionView>> {
  const { sessions, outcomes } = ports;
  const compiled = compileRequirement(spec.requirements);
  if ('error' in compiled) {
    const reason = `Requirements: ${compiled.error.message}`;
    await sessions.create(id, { type: 'refuse', spec, reason }, origin);
    return { rejected: { code: 'INVALID_REQUIREMENTS', reason } };
  }
  const placement = outcomes.of(id);
  try {
    const { snapshot } = await sessions.create(id, { type: 'request', spec }, origin);
    if (snapshot.value !== 'placing' || snapshot.context.isTold) return standing(id, snapshot);
    const placed = await within(ports.clock, limits.placementMs, placement);
    if (placed === undefined) return standing(id, (await sessions.execute(id, { type: 'acknowledge' }, origin)).snapshot);
    if (placed.outcome === 'none') return { rejected: { code: 'NO_SERVER', reason: placed.reason } };
    return { done: viewOf(id, snapshot) };
  } finally {
    outcomes.forget(id);
  }
}

/** Undefined when the time is up first. */
function within(clock: Clock, ms: number, placement: Promise<Placement>): Promise<Placement | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => resolve(undefined));
    void placement.then((value) => {
      timer.cancel();
      resolve(value);
    });
  });
}

/** What became of a session that an earlier attempt at the same request asked for, or that took long to be placed. */
function standing(id: SessionId, snapshot: SessionSnapshot): Result<SessionView> {
  const { value, context } = snapshot;
  const isTurnedDown = value === 'refused' || (value === 'deleted' && context.serverId === null);
  return isTurnedDown ? { rejected: { code: 'NO_SERVER', reason: context.reason } } : { done: viewOf(id, snapshot) };
}

function viewOf(id: SessionId, { value, context }: SessionSnapshot): SessionView {
  // It was requested, now or by an earlier attempt, and has a specification since then.
  const { name, owner, sessionType, maxConcurrentClients, storageRoot } = context.spec as SessionSpec;
  return {
    id,
    name,
    owner,
    sessionType,
    ...STATES[value],
    stateReason: context.reason || undefined,
    maxConcurrentClients,
    storageRoot,
    creationTime: context.creationTime,
    connections: context.connections,
  };
}

/** As the actor knows them. What is neither deleted nor alive is told by its rejection. */
const STATES: Readonly<Record<SessionSnapshot['value'], Pick<SessionView, 'state' | 'substate'>>> = {
  unknown: { state: 'DELETED' },
  placing: { state: 'CREATING', substate: 'SESSION_PLACING' },
  placed: { state: 'CREATING', substate: 'PENDING_PREPARATION' },
  ready: { state: 'READY' },
  deleting: { state: 'DELETING' },
  deleted: { state: 'DELETED' },
  refused: { state: 'DELETED' },
};

const DCV_SESSION_NOT_FOUND: Rejection = { code: 'SESSION_NOT_FOUND', reason: 'Dcv session not found.' };

async function screenshot(
  { reads, link, random }: OperationPorts,
  limits: OperationLimits,
  { sessionId: id, maxWidth, maxHeight, owner }: ScreenshotWish,
  request: RequestId | undefined,
): ReturnType<typeof takeScreenshot> {
  const owners = owner === undefined ? undefined : [owner];
  const session = (await reads.describeSessions({ ids: [id], owners, limit: 1 })).items[0];
  const place = await reads.place(sessionId(id));
  if (session === undefined || session.state === 'DELETED') return { rejected: DCV_SESSION_NOT_FOUND };
  if (session.state !== 'READY' || place === undefined) return { rejected: notReady(session.state) };
  const order = {
    kind: 'take-screenshot',
    orderId: `take-screenshot:${id}:${requestId(random.uuid())}`,
    sessionId: sessionId(id),
    localId: place.localId,
    maxWidth: maxWidth ?? limits.screenshotWidth,
    maxHeight: maxHeight ?? limits.screenshotHeight,
    format: limits.screenshotFormat,
  } as const;
  return takeScreenshot(link, serverId(place.serverId), order, request);
}

async function takeScreenshot(link: AgentLink, ...asked: Parameters<AgentLink['screenshot']>) {
  const answer = await link.screenshot(...asked);
  return 'rejected' in answer ? { rejected: { code: 'NO_SCREENSHOT', reason: answer.rejected } } : { done: answer };
}

/**
 * The operations of the API without a log or a fleet behind them: a session is READY as soon as it is created, on the first server that
 * can take it. Enough to see what the client API asks and how it words the answers.
 */

import type { Application, Result, SessionWish } from '../../adapters/application.ts';
import type { Origin } from '../../domain/facts.ts';
import { requestId, sessionId } from '../../domain/ids.ts';
import type { Screenshot } from '../../domain/ports/agent-link.ts';
import type { Clock, Random } from '../../domain/ports/clock.ts';
import type { HistoryEntry, Page, ServerView, SessionView } from '../../projections/views.ts';

export interface MemoryApplication extends Application {
  addServer(view: ServerView): void;
  /** Adds a session as it is, or puts it in place of the one with the same id. */
  putSession(view: SessionView): void;
  /** Everything asked with an origin, in order. */
  readonly origins: readonly Origin[];
}

const PICTURE: Screenshot = { format: 'png', data: 'iVBORw0KGgo=', time: Date.UTC(2026, 0, 1, 12), primary: true };

const notFound = (reason: string) => ({ rejected: { code: 'SESSION_NOT_FOUND', reason } });
const SERVER_NOT_FOUND = { rejected: { code: 'DCV_SERVER_NOT_FOUND', reason: 'Dcv server not found.' } };

export function createMemoryApplication({ clock, random }: { clock: Pick<Clock, 'now'>; random: Random }): MemoryApplication {
  const sessions = new Map<string, SessionView>();
  const servers = new Map<string, ServerView>();
  const histories = new Map<string, HistoryEntry[]>();
  const origins: Origin[] = [];

  function record(stream: string, type: string, data: object, origin?: Origin): void {
    const history = histories.get(stream) ?? [];
    const cause = origin?.cause ?? { kind: 'agent', id: 'test' };
    const id = origin?.requestId ?? requestId(random.uuid());
    histories.set(stream, history);
    history.push({ position: 10 * history.length + 10, revision: history.length, type, time: clock.now(), cause, requestId: id, data });
  }

  const put = (view: SessionView) => void sessions.set(view.id, view);

  function create({ id = sessionId(random.uuid()), ...spec }: SessionWish, origin: Origin): Result<SessionView> {
    const server = [...servers.values()].find(({ unavailabilityReason }) => unavailabilityReason === undefined);
    if (server === undefined) return { rejected: { code: 'NO_SERVER', reason: 'No DCV server found for the given criteria' } };
    const { name, owner, sessionType, maxConcurrentClients, storageRoot } = spec;
    const view = {
      id,
      name,
      owner,
      sessionType,
      maxConcurrentClients,
      storageRoot,
      creationTime: clock.now(),
      connections: 0,
    };
    put({ ...view, state: 'READY', server });
    record(`session-${view.id}`, 'session.requested', spec, origin);
    record(`session-${view.id}`, 'session.started', { attempt: 1 });
    return { done: { ...view, state: 'CREATING', substate: 'SESSION_PLACING' } };
  }

  const found = <T>(id: string, then: (view: SessionView) => Result<T>, reason = 'The requested dcvSession does not exist'): Result<T> => {
    const view = sessions.get(id);
    return view === undefined ? notFound(reason) : then(view);
  };

  const setClosed = (id: string, isClosed: boolean, origin: Origin): Result<string> => {
    const view = servers.get(id);
    if (view === undefined) return SERVER_NOT_FOUND;
    servers.set(id, { ...view, unavailabilityReason: isClosed ? 'SERVER_CLOSED' : undefined });
    record(`server-${id}`, isClosed ? 'server.closed' : 'server.opened', {}, origin);
    return { done: id };
  };

  const asked = <T>(origin: Origin, answer: T): Promise<T> => {
    origins.push(origin);
    return Promise.resolve(answer);
  };

  const isOf = (id: string, owner: string | undefined): boolean => owner === undefined || sessions.get(id)?.owner === owner;

  const history = (stream: string, limit: number, after = -1) => {
    const entries = histories.get(stream);
    return Promise.resolve(entries && pageOf(entries, limit, { after, positionOf: (entry) => entry.revision }));
  };

  return {
    origins,
    position: () => 10 * origins.length,
    reached: async () => undefined,
    putSession: put,
    addServer: (view) => {
      servers.set(view.id, view);
      record(`server-${view.id}`, 'server.described', view.description);
    },
    createSessions: (items, origin) =>
      asked(
        origin,
        items.map((item) => create(item, origin)),
      ),
    deleteSessions: (items, origin) =>
      asked(
        origin,
        items.map(({ sessionId: id }) =>
          found(id, (view) => {
            put({ ...view, state: 'DELETING' });
            return { done: 'DELETING' };
          }),
        ),
      ),
    updateSessionPermissions: (items, origin) =>
      asked(
        origin,
        items.map(({ sessionId: id }) => found(id, () => ({ done: sessionId(id) }))),
      ),
    describeSessions: async ({ ids, owners, names, states, servers, tags = [], limit, after = 0 }) => {
      const numbered = [...sessions.values()].map((view, index) => ({ view, position: index + 1 }));
      const asks = ({ view }: { view: SessionView }) =>
        (ids === undefined || ids.includes(view.id)) &&
        (owners === undefined || owners.includes(view.owner)) &&
        (names === undefined || names.includes(view.name)) &&
        (states === undefined || states.includes(view.state)) &&
        (servers === undefined || servers.includes(view.server?.id ?? '')) &&
        tags.every(({ key, values }) => view.server?.description.tags.some((tag) => tag.key === key && values.includes(tag.value)));
      return mapPage(pageOf(numbered.filter(asks), limit, { after, positionOf: ({ position }) => position }), ({ view }) => view);
    },
    describeServers: async ({ ids, limit, after = 0 }) => {
      const numbered = [...servers.values()].map((view, index) => ({ view, position: index + 1 }));
      const asked = numbered.filter(({ view }) => ids === undefined || ids.includes(view.id));
      return mapPage(pageOf(asked, limit, { after, positionOf: ({ position }) => position }), ({ view }) => view);
    },
    openServers: (items, origin) =>
      asked(
        origin,
        items.map(({ serverId }) => setClosed(serverId, false, origin)),
      ),
    closeServers: (items, origin) =>
      asked(
        origin,
        items.map(({ serverId }) => setClosed(serverId, true, origin)),
      ),
    screenshots: async (items) =>
      items.map(({ sessionId: id, owner }) => found(isOf(id, owner) ? id : '', () => ({ done: [PICTURE] }), 'Dcv session not found.')),
    connectionData: async (id, user, owner) =>
      found(isOf(id, owner) ? id : '', (session) =>
        session.state === 'READY'
          ? { done: { session, connectionToken: `token-for-${user}` } }
          : { rejected: { code: 'SESSION_NOT_READY', reason: `The session is not in READY state; it is ${session.state}.` } },
      ),
    sessionHistory: async (id, limit, after, owner) => (isOf(id, owner) ? history(`session-${id}`, limit, after) : undefined),
    serverHistory: (id, limit, after) => history(`server-${id}`, limit, after),
  };
}

interface Paging<T> {
  readonly after: number;
  readonly positionOf: (item: T) => number;
}

function pageOf<T>(items: readonly T[], limit: number, { after, positionOf }: Paging<T>): Page<T> {
  const rest = items.filter((item) => positionOf(item) > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return rest.length > limit && last !== undefined ? { items: page, next: positionOf(last) } : { items: page };
}

const mapPage = <T, U>({ items, next }: Page<T>, map: (item: T) => U): Page<U> => ({ items: items.map(map), next });

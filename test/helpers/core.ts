/** The broker's core under a simulated clock, with a log in memory, real read models, and a link that keeps the orders that were sent. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Core, type CoreLimits, startCore } from '../../adapters/core.ts';
import type { Logger } from '../../adapters/logging.ts';
import { createMemoryStore, openMemoryEventLog } from '../../adapters/memory/event-log.ts';
import { createMemoryLocks } from '../../adapters/memory/locks.ts';
import { type OpenReadDatabase, openReadDatabase } from '../../adapters/sqlite/read-database.ts';
import type { Entry } from '../../adapters/tokens.ts';
import { type ServerId, serverId, sessionId, streamName } from '../../domain/ids.ts';
import type { AgentLink, FoundSession, Greeting, Order, Report } from '../../domain/ports/agent-link.ts';
import type { EventLog } from '../../domain/ports/event-log.ts';
import type { SessionView } from '../../projections/views.ts';
import { AGENT_CLIENT, BROKER, description, ORIGIN, wish } from './samples.ts';
import { createSeededRandom, createSimulatedClock } from './simulated-clock.ts';

export const SILENT: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export const LIMITS: CoreLimits = {
  queueSize: 3,
  queueMs: 1_800_000,
  policy: 'least-loaded',
  maxAttempts: 3,
  creationMs: 300_000,
  deletionMs: 300_000,
  unreachableServerMs: 1_800_000,
  deletedVisibleMs: 3_600_000,
  screenshotWidth: 160,
  screenshotHeight: 100,
  screenshotFormat: 'png',
};

type Reported = Report extends infer R ? (R extends Report ? Omit<R, 'reportId' | 'time'> : never) : never;

export async function setUpCore(
  t: Test,
  limits: Partial<CoreLimits> = {},
  wrap: (log: EventLog) => EventLog = (log) => log,
  fatal: (error: Error) => void = (error) => t.error(error),
) {
  const folder = await mkdtemp(join(tmpdir(), 'berth-core-'));
  const store = createMemoryStore();
  const clock = createSimulatedClock();
  const random = createSeededRandom(7);
  const sent: { readonly serverId: ServerId; readonly order: Order }[] = [];
  let screen: Awaited<ReturnType<AgentLink['screenshot']>> = { rejected: 'There is no screen.' };
  const link: AgentLink = {
    send: (to, order) => sent.push({ serverId: to, order }) > 0,
    screenshot: async () => screen,
  };
  const said: { readonly message: string }[] = [];
  const logger: Logger = { ...SILENT, info: (fields, message) => said.push({ message, ...fields }) };
  const running: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of running.splice(0)) await close();
  };
  t.teardown(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts the core, or stops it and starts it again on the same log and read models. */
  async function start(): Promise<Core> {
    await stop();
    const log = wrap(openMemoryEventLog(store));
    database = await openReadDatabase(readModels, { logger: SILENT });
    const issueConnectionToken = async ({ sessionId: id, user }: Entry) => `${id} ${user}`;
    const alone = { locks: createMemoryLocks()(BROKER), self: BROKER };
    const ports = { log, ...alone, database, link, clock, random, logger, issueConnectionToken, fatal };
    const core = await startCore(ports, { ...LIMITS, ...limits });
    running.push(core.stop, log.close, database.close);
    return core;
  }

  const readModels = join(folder, 'read-models.sqlite');
  let database: OpenReadDatabase;
  let core = await start();
  const settle = () => core.idle();

  return {
    clock,
    sent,
    store,
    /** What the core logged as information. */
    said,
    settle,
    /** What every agent answers from now on when it is asked for pictures. */
    show(pictures: typeof screen) {
      screen = pictures;
    },
    get core() {
      return core;
    },
    readModels,
    get database() {
      return database;
    },
    async restart() {
      core = await start();
      await settle();
    },
    /** Ends the core and deletes its read models; `restart` builds them again. */
    async forgetReads() {
      await stop();
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder);
    },
    async pass(ms: number) {
      await clock.advance(ms, settle);
    },
    /** A server greets and opens its order stream. */
    async greet(name: string, changes: Partial<Greeting> = {}) {
      const id = serverId(name);
      const greeting: Greeting = { ...GREETING, serverId: id, description: description({ hostname: name }), ...changes };
      const answer = await core.reception.greeted(greeting, AGENT_CLIENT);
      if ('welcome' in answer) core.reception.connected(id);
      await settle();
      return answer;
    },
    async report(name: string, ...reports: readonly Reported[]) {
      const stamped = reports.map((report) => ({ ...report, reportId: random.uuid(), time: clock.now() }) as Report);
      const acknowledged = await core.reception.reported(serverId(name), stamped);
      await settle();
      return acknowledged.length === stamped.length;
    },
    /** Creates one session and settles; gives its view, or the reason why there is none. */
    async create(changes: Parameters<typeof wish>[0] = {}): Promise<SessionView | string> {
      const [result] = await core.application.createSessions([wish(changes)], ORIGIN);
      await settle();
      if (result === undefined || 'rejected' in result) return result?.rejected.reason ?? '';
      return this.describe(result.done.id);
    },
    async describe(id: string): Promise<SessionView> {
      const page = await core.application.describeSessions({ ids: [id], limit: 1 });
      return page.items[0] as SessionView;
    },
    /** Types of the facts of one actor. */
    types: (category: 'session' | 'server', id: string) => (store.streams.get(streamName(category, id)) ?? []).map(({ type }) => type),
    ordersOf: (name: string) => sent.filter((each) => each.serverId === name).map(({ order }) => order),
  };
}

export const GREETING: Omit<Greeting, 'serverId'> = {
  description: description(),
  telemetry: { memoryUsedBytes: 1e9, swapUsedBytes: 0, cpuLoadAverage: [0.1, 0.1, 0.1] },
  healthy: true,
  loggedInUsers: [],
  sessions: [],
  inProgress: [],
};

export const found = (id: string, changes: Partial<FoundSession> = {}): FoundSession => ({
  sessionId: sessionId(id),
  localId: id,
  attempt: 0,
  spec: { name: '', owner: 'ann', sessionType: 'VIRTUAL' },
  creationTime: Date.UTC(2026, 0, 1),
  connections: 0,
  ...changes,
});

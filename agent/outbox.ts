/**
 * The facts that the broker has not acknowledged yet, on disk. None is ever dropped: when the outbox is full the agent takes no new work
 * (orders.ts asks `hasRoom`), and of the reports that only say how things stand now the newest takes the place of the older one.
 */

import type { Logger } from '../adapters/logging.ts';
import { reportSchema } from '../adapters/wire/agent.ts';
import type { SessionId } from '../domain/ids.ts';
import type { Report } from '../domain/ports/agent-link.ts';
import type { Clock, Random } from '../domain/ports/clock.ts';
import type { RecordLog } from './storage.ts';
import { messageOf } from './thrown.ts';

type WithoutLabel<R> = R extends Report ? Omit<R, 'reportId' | 'time'> : never;
/** What a report says, before it has an id and a time. */
export type News = WithoutLabel<Report>;

export interface Outbox {
  /** Keeps a fact. Resolves when it is on disk, or known not to get there (it is then kept in memory, and logged). */
  put(news: News): Promise<void>;
  /** The same, unless it is waiting here already: for outcomes of orders that were sent again. */
  putAgain(news: News): Promise<void>;
  /** The oldest facts, up to `limit` of them and about `maxBytes` of JSON, at least one if there is any. */
  oldest(limit: number, maxBytes: number): readonly Report[];
  acknowledge(reportIds: readonly string[]): Promise<void>;
  /** Sessions about which something is waiting here. */
  sessions(): ReadonlySet<SessionId>;
  size(): number;
  /** Whether the outcomes of `orders` more orders would fit. */
  hasRoom(orders: number): boolean;
  /** Calls `action` whenever a fact was put in. One watcher. */
  watch(action: () => void): void;
}

export interface OutboxSettings {
  /** Facts. */
  readonly limit: number;
}

interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Rewriting the file pays when this many of its records say nothing any more. */
const STALE_RECORDS = 1000;

/** Reads what a former run left. */
export async function openOutbox(storage: RecordLog, settings: OutboxSettings, ports: Ports): Promise<Outbox> {
  const { clock, random, log } = ports;
  let changed = (): void => undefined;
  const stored = await storage.load();
  const waiting = waitingIn(stored, log);
  let records = stored.length;

  async function store(added: readonly object[]): Promise<void> {
    records += added.length;
    try {
      await storage.append(added);
      if (records > 2 * waiting.size + STALE_RECORDS) await compact();
    } catch (error) {
      log.error({ error: messageOf(error) }, 'the outbox could not be written; its facts are kept in memory');
    }
  }

  async function compact(): Promise<void> {
    records = waiting.size;
    await storage.replace([...waiting.values()].map((put) => ({ put })));
  }

  async function put(news: News): Promise<void> {
    const report: Report = { ...news, reportId: random.uuid(), time: clock.now() };
    const older = waiting.size >= settings.limit ? replaceable(waiting, news) : undefined;
    if (older !== undefined) waiting.delete(older);
    waiting.set(report.reportId, report);
    changed();
    await store(older === undefined ? [{ put: report }] : [{ put: report }, { acknowledged: [older] }]);
  }

  return {
    put,
    async putAgain(news) {
      if (!isWaiting(waiting, news)) await put(news);
    },
    oldest: (limit, maxBytes) => batch(waiting, limit, maxBytes),
    async acknowledge(reportIds) {
      const known = reportIds.filter((id) => waiting.delete(id));
      if (known.length > 0) await store([{ acknowledged: known }]);
    },
    sessions: () => new Set([...waiting.values()].map(aboutSession).filter((id) => id !== undefined)),
    size: () => waiting.size,
    hasRoom: (orders) => waiting.size + orders <= settings.limit,
    watch(action) {
      changed = action;
    },
  };
}

/** Each tells how something stands, in the place of the one before. */
const STATES: readonly News['kind'][] = ['connections-changed', 'server-described', 'health-changed', 'logged-in-users-changed'];
/** What every greeting tells as well. */
const GREETED: readonly News['kind'][] = [...STATES, 'session-found'];

/** What a former agent had to say of these would come behind the greeting of this one, and be taken for newer. */
function waitingIn(stored: readonly unknown[], log: Logger): Map<string, Report> {
  const waiting = new Map<string, Report>();
  for (const record of stored) {
    const { put, acknowledged } = Object(record);
    const report = reportSchema.safeParse(put);
    if (report.success && !GREETED.includes(report.data.kind)) waiting.set(report.data.reportId, report.data);
    else if (report.success) continue;
    else if (Array.isArray(acknowledged)) for (const id of acknowledged) waiting.delete(id);
    else log.warn({ record }, 'a record of the outbox is not one of this version and is passed over');
  }
  return waiting;
}

function batch(waiting: ReadonlyMap<string, Report>, limit: number, maxBytes: number): readonly Report[] {
  const reports: Report[] = [];
  let bytes = 0;
  for (const report of waiting.values()) {
    bytes += Buffer.byteLength(JSON.stringify(report));
    if (reports.length === limit || (reports.length > 0 && bytes > maxBytes)) break;
    reports.push(report);
  }
  return reports;
}

function aboutSession(report: News): SessionId | undefined {
  if (report.kind === 'session-found') return report.session.sessionId;
  return 'sessionId' in report ? report.sessionId : undefined;
}

/** The older report that says nothing any more once `news` is known: both tell how one and the same thing stands. */
function replaceable(waiting: ReadonlyMap<string, Report>, news: News): string | undefined {
  if (!STATES.includes(news.kind)) return undefined;
  for (const report of waiting.values()) {
    if (report.kind === news.kind && aboutSession(report) === aboutSession(news)) return report.reportId;
  }
  return undefined;
}

/** The same kind of outcome of the same session, and of the same attempt or the same one of several of a name. */
function isWaiting(waiting: ReadonlyMap<string, Report>, news: News): boolean {
  for (const report of waiting.values()) {
    if (report.kind === news.kind && aboutSession(report) === aboutSession(news) && whichOf(report) === whichOf(news)) return true;
  }
  return false;
}

function whichOf(report: News): number | undefined {
  if ('attempt' in report) return report.attempt;
  return 'creationTime' in report ? report.creationTime : undefined;
}

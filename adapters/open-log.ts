/** The event log of a broker: in its data folder, for it alone, or on a server that it may share with other brokers. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerId } from '../domain/ids.ts';
import type { EventLog } from '../domain/ports/event-log.ts';
import type { BreakableLocks } from '../domain/ports/locks.ts';
import type { BrokerConfig } from './config.ts';
import type { Logger } from './logging.ts';
import { createMemoryLocks } from './memory/locks.ts';
import { openSqliteEventLog } from './sqlite/event-log.ts';
import type { TraceContexts } from './tracing/contexts.ts';

export interface OpenLog {
  readonly log: EventLog;
  /** As many share them as share the log. */
  readonly locks: BreakableLocks;
  /** False while what others write is not known here. */
  stands(): boolean;
  /** The path for something that was made from this log and can be deleted at any time. Positions of one log mean nothing in another, so each has its own. */
  derived(name: DerivedName): string;
}

export interface LogUser {
  /** The data folder, claimed. */
  readonly folder: string;
  readonly broker: BrokerId;
  readonly logger: Logger;
  /** Of requests that are traced; on a log that brokers share these have to travel with the facts. */
  readonly traces?: TraceContexts | undefined;
}

/** Throws LogFault with one sentence for the operator, and without a password. */
export async function openLog({ eventLog, streamPrefix }: BrokerConfig, { folder, broker, logger, traces }: LogUser): Promise<OpenLog> {
  const file = join(folder, 'log.sqlite');
  if (eventLog === undefined) {
    const log = await openSqliteEventLog(file);
    logger.info(log.describe(), 'The log is open.');
    return { log, locks: createMemoryLocks()(broker), stands: () => true, derived: (name) => derivedFile(folder, name) };
  }
  if (existsSync(file))
    logger.warn({ file }, 'The data folder holds a log of its own, which is not used: the event log is set to be elsewhere.');
  // Loaded only where it is used: it is large.
  const { openEventStoreLog } = await import('./eventstoredb/event-log.ts');
  const report = (message: string): void => logger.warn({ server: log.describe().server }, message);
  const log = await openEventStoreLog(eventLog, { streamPrefix, broker, report, traces });
  const description = log.describe();
  logger.info(description, 'The log is open.');
  return { log, locks: log.locks, stands: log.stands, derived: (name) => derivedFile(folder, name, description) };
}

type DerivedName = 'read-models' | 'snapshots' | 'audit-index';

/** `server`: what describes a log that is not in the folder. */
export function derivedFile(folder: string, name: DerivedName, server?: object): string {
  if (server === undefined) return join(folder, `${name}.sqlite`);
  const mark = createHash('sha256').update(JSON.stringify(server)).digest('hex').slice(0, 16);
  return join(folder, `${name}-${mark}.sqlite`);
}

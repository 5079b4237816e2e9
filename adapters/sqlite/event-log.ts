/**
 * The event log on one SQLite file: the default, needing no other server. One connection writes and checkpoints, two only read. A fact
 * is acknowledged when it is on disk (WAL, synchronous=FULL).
 */
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Position } from '../../domain/facts.ts';
import { type EventLog, LogFault } from '../../domain/ports/event-log.ts';
import { draftFacts } from '../drafts.ts';
import { createTail } from '../tail.ts';
import { type Connection, openConnection, sqliteVersion } from './connection.ts';
import { refuseNetworkFileSystem } from './file-system.ts';
import { createGroupCommit } from './group-commit.ts';
import { ensureSchema } from './log-schema.ts';
import { readHead, readLogPage, readRemoval, readRemovalNotes, readStreamPage } from './log-statements.ts';

export interface SqliteEventLogOptions {
  /** Facts that may wait for the disk; more are turned away with LogBusyError. Default 10,000, at least 500. */
  readonly waitingFacts?: number;
  /** The newest facts that stay in memory for subscribers (up to twice as many for a while). Default 4,096. */
  readonly recentFacts?: number;
  /** How long a commit waits for a lock that another process holds on the file, such as a backup. Default 5,000. */
  readonly busyTimeoutMs?: number;
}

/** For the line that a broker prints when it starts. */
export interface LogDescription {
  readonly file: string;
  readonly sqliteVersion: string;
  /** `wal`. */
  readonly journalMode: string;
}

export interface SqliteEventLog extends EventLog {
  describe(): LogDescription;
}

const READERS = 2;

/** Opens the log, and creates the file (0600) when it is missing. Throws LogFault with a sentence for the operator when it cannot be used. */
export async function openSqliteEventLog(file: string, options: SqliteEventLogOptions = {}): Promise<SqliteEventLog> {
  try {
    refuseNetworkFileSystem(file, (await statfs(dirname(file))).type);
    await createFile(file);
    return await openConnections(file, options);
  } catch (cause) {
    throw cause instanceof LogFault ? cause : new LogFault(`The event log ${file} cannot be opened: ${cause}`, { cause });
  }
}

async function openConnections(file: string, options: SqliteEventLogOptions): Promise<SqliteEventLog> {
  const { busyTimeoutMs = 5000 } = options;
  const writer = await openConnection(file, { busyTimeoutMs });
  try {
    const description = await prepareWriter(writer, file);
    const head = await readHead(writer);
    const readers = await Promise.all(Array.from({ length: READERS }, () => openConnection(file, { readonly: true, busyTimeoutMs })));
    return createEventLog({ writer, readers, head, description, options });
  } catch (error) {
    await writer.close();
    throw error;
  }
}

interface Parts {
  readonly writer: Connection;
  readonly readers: readonly Connection[];
  readonly head: Position;
  readonly description: LogDescription;
  readonly options: SqliteEventLogOptions;
}

function createEventLog({ writer, readers, head, description, options }: Parts): SqliteEventLog {
  const read = shareReaders(readers);
  const readAll = (after: Position, limit: number) => read((reader) => readLogPage(reader, after, tail.head(), limit));
  const tail = createTail({ head, recentFacts: options.recentFacts ?? 4096, page: readAll });
  const groupCommit = createGroupCommit(writer, tail, options.waitingFacts ?? 10_000);
  let closing: Promise<void> | undefined;

  async function whileOpen<T>(work: () => T | Promise<T>): Promise<T> {
    if (closing) {
      throw new LogFault('The log is closed.');
    }
    return work();
  }

  async function close(): Promise<void> {
    await groupCommit.idle();
    await tail.close();
    await Promise.all(readers.map((reader) => reader.close()));
    // The last connection to a file empties the WAL into it, and only this one may write.
    await writer.close();
  }

  return {
    isShared: false,
    append: (stream, expectedRevision, facts) =>
      whileOpen(() => groupCommit.append(stream, expectedRevision, draftFacts(stream, expectedRevision, facts))),
    readStream: (stream, fromRevision, limit) =>
      whileOpen(() => read((reader) => readStreamPage(reader, stream, tail.head(), { fromRevision, limit }))),
    readAll: (after, limit) => whileOpen(() => readAll(after, limit)),
    remove: (stream, removal) => whileOpen(() => groupCommit.remove(stream, removal)),
    removal: (stream) => whileOpen(() => read((reader) => readRemoval(reader, stream))),
    removalNotes: () => whileOpen(() => read(readRemovalNotes)),
    head: () => whileOpen(tail.head),
    known: tail.head,
    subscribe: tail.subscribe,
    describe: () => description,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

type Read = <T>(work: (reader: Connection) => Promise<T>) => Promise<T>;

/** Each read goes to the connection with the fewest under way. */
function shareReaders(connections: readonly Connection[]): Read {
  const readers = connections.map((connection) => ({ connection, underWay: 0 }));
  return (work) => {
    const reader = readers.reduce((a, b) => (b.underWay < a.underWay ? b : a));
    reader.underWay += 1;
    return work(reader.connection)
      .catch((cause: unknown) => {
        throw new LogFault(`The log could not be read: ${cause}`, { cause });
      })
      .finally(() => {
        reader.underWay -= 1;
      });
  };
}

/**
 * Only makes the file, which SQLite would let everyone read. One that is there is never opened here: closing it again would let go of the
 * locks that this process may hold on it (POSIX). Whatever else is wrong, SQLite says when it opens it.
 */
async function createFile(file: string): Promise<void> {
  const created = await open(file, 'ax', 0o600).catch(() => undefined);
  await created?.close();
}

async function prepareWriter(writer: Connection, file: string): Promise<LogDescription> {
  await ensureSchema(writer, file);
  await writer.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864`);
  const modes = await writer.all<{ readonly journal_mode: string }>('PRAGMA journal_mode');
  return { file, sqliteVersion: await sqliteVersion(writer), journalMode: modes.map((mode) => mode.journal_mode).join() };
}

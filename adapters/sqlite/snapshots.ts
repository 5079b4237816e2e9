/**
 * States of actors with long streams, in an SQLite file of their own. The file may be deleted at any time, and whatever is wrong with it leads to an
 * empty one, or to none: then streams are read from their beginnings.
 */
import { rm, writeFile } from 'node:fs/promises';
import type { StreamName } from '../../domain/ids.ts';
import type { KeptState, Snapshots } from '../../domain/ports/snapshots.ts';
import type { Logger } from '../logging.ts';
import { type Connection, openConnection } from './connection.ts';

export interface OpenSnapshots extends Snapshots {
  /** Writes what is waiting, and lets go of the file. */
  close(): Promise<void>;
}

export interface SnapshotsOptions {
  /** Of the domain; states of another version are forgotten. */
  readonly version: string;
  readonly logger: Pick<Logger, 'warn'>;
}

/** A lost last moment is harmless, hence NORMAL. */
const TABLE = `
  PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS states (
    stream TEXT PRIMARY KEY, version TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL, fact_id TEXT NOT NULL, state TEXT NOT NULL
  ) STRICT`;

const KEEP = `
  INSERT OR REPLACE INTO states
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value -> 5 FROM jsonb_each(?)`;

const FIND = 'SELECT revision, position, fact_id AS factId, state FROM states WHERE stream = ? AND version = ?';

type Row = Omit<KeptState, 'state'> & { readonly state: string };

export async function openSnapshots(file: string, { version, logger }: SnapshotsOptions): Promise<OpenSnapshots> {
  let isComplained = false;
  function complain(err: unknown): void {
    if (!isComplained) logger.warn({ err, file }, 'States of actors cannot be kept; long streams are read from further back.');
    isComplained = true;
  }
  try {
    return keepIn(await openFile(file, version).catch(() => startAnew(file, version)), version, complain);
  } catch (error) {
    complain(error);
    return NONE;
  }
}

const NONE: OpenSnapshots = { find: async () => undefined, keep: () => undefined, close: async () => undefined };

function keepIn(connection: Connection, version: string, complain: (error: unknown) => void): OpenSnapshots {
  let waiting = new Map<StreamName, KeptState>();
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (waiting.size > 0) {
      const rows = [...waiting].map(([stream, { revision, position, factId, state }]) => [
        stream,
        version,
        revision,
        position,
        factId,
        state,
      ]);
      waiting = new Map();
      await connection.run(KEEP, [JSON.stringify(rows)]);
    }
  }

  return {
    async find(stream) {
      try {
        const [row] = await connection.all<Row>(FIND, [stream, version]);
        return row && { ...row, state: JSON.parse(row.state) };
      } catch (error) {
        complain(error);
        return undefined;
      }
    },
    keep(stream, kept) {
      waiting.set(stream, kept);
      writing ??= Promise.resolve()
        .then(write)
        .catch(complain)
        .finally(() => {
          writing = undefined;
        });
    },
    async close() {
      await writing;
      await connection.close();
    },
  };
}

/** For its owner only: states hold what facts hold. */
async function openFile(file: string, version: string): Promise<Connection> {
  await writeFile(file, '', { flag: 'a', mode: 0o600 });
  const connection = await openConnection(file, {});
  try {
    await connection.exec(TABLE);
    await connection.run('DELETE FROM states WHERE version <> ?', [version]);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function startAnew(file: string, version: string): Promise<Connection> {
  for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true });
  return openFile(file, version);
}

/** The log that a command reads, beside a running broker or without one: in a data folder, or on a server of logs. It is only read. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { archivedLog } from '../archive/archived-log.ts';
import { archivesIn, openShelf } from '../archive/shelf.ts';
import { derivedFile } from '../open-log.ts';
import { ConfigError } from '../settings/setting.ts';
import { eventLog, streamPrefix } from '../settings/values.ts';
import { openSqliteLogReader } from '../sqlite/log-reader.ts';
import { dataFolderOf, type LogFlags } from './flags.ts';
import { complain } from './output.ts';

export interface LogSource {
  /** Whatever was moved to archives is in its place. */
  readonly reader: LogReader;
  /** For people: the file, or the address without what is secret in it. */
  readonly name: string;
  /** The path of the read models that a broker with this data folder makes of it. */
  readModels(dataFolder: string): string;
}

/** Told in a sentence of an archive that cannot be used; what is in it is missing, unless this throws. */
type Absent = (sentence: string) => void;

/** Throws with one sentence for the operator when there is no log or it cannot be read. Whoever opens it closes its reader. */
export async function openLogSource(flags: LogFlags, absent: Absent = complain): Promise<LogSource> {
  const source = await openBare(flags);
  const folder = archiveFolderOf(flags);
  return { ...source, reader: archivedLog(source.reader, { shelf: openShelf(folder), absent }) };
}

/** Absolute. */
export const archiveFolderOf = ({ archive, dataDir }: Pick<LogFlags, 'archive' | 'dataDir'>): string =>
  archive === undefined ? archivesIn(dataFolderOf(dataDir === undefined ? {} : { dataDir })) : resolve(archive);

async function openBare(flags: LogFlags): Promise<LogSource> {
  if (flags.log !== undefined && flags.dataDir !== undefined) throw new ConfigError('Give --data-dir or --log, not both.');
  if (flags.log !== undefined) return openServer(flags.log, flags.streamPrefix);
  if (flags.streamPrefix !== undefined) throw new ConfigError('--stream-prefix belongs to --log.');
  return openFolder(dataFolderOf(flags));
}

/** Its client is large, so it is loaded only here. */
async function openServer(log: string, prefix = ''): Promise<LogSource> {
  const address = eventLog({ value: log, from: '--log' });
  if (address === undefined) throw new ConfigError('--log must not be empty.');
  const options = { streamPrefix: streamPrefix({ value: prefix, from: '--stream-prefix' }) };
  const { openEventStoreLog } = await import('../eventstoredb/event-log.ts');
  const reader = await openEventStoreLog(address, options);
  const description = reader.describe();
  return { reader, name: description.server, readModels: (folder) => derivedFile(folder, 'read-models', description) };
}

async function openFolder(folder: string): Promise<LogSource> {
  if (!existsSync(folder)) throw new ConfigError(`There is no data folder ${folder}; --data-dir says where it is.`);
  const file = join(folder, 'log.sqlite');
  if (!existsSync(file))
    throw new ConfigError(`The folder ${folder} holds no log (log.sqlite); --data-dir says where the broker keeps it.`);
  return { reader: await openSqliteLogReader(file), name: file, readModels: () => derivedFile(folder, 'read-models') };
}

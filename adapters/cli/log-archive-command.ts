/** `berth log archive`: moves what has been over for long from the log to compressed files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { archivedLog } from '../archive/archived-log.ts';
import { type Archived, archive } from '../archive/archiving.ts';
import { openShelf } from '../archive/shelf.ts';
import { ConfigError } from '../settings/setting.ts';
import { eventLog, streamPrefix } from '../settings/values.ts';
import { claimDataFolder, FolderInUseError } from '../sqlite/data-folder.ts';
import { openSqliteEventLog } from '../sqlite/event-log.ts';
import { type ArchiveFlags, brokerConfigOf, dataFolderOf } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { archiveFolderOf } from './log-source.ts';
import { complain } from './output.ts';
import { counted, createProgress } from './progress.ts';
import { createRecords, type Records } from './records.ts';

/** Resolves with the exit code. */
export async function runArchive(flags: ArchiveFlags): Promise<number> {
  const ageMs = await readAge(flags);
  const ending = new AbortController();
  void endRequested().then(() => ending.abort(new Error('Stopped before the end. What was archived is safe; the next run goes on.')));
  const isDryRun = flags.dryRun === true;
  const { log, release } = await openTarget(flags);
  try {
    const records = createRecords(flags);
    const progress = createProgress('Looking through the log', await log.head());
    const folder = archiveFolderOf({ ...flags, ...(flags.to !== undefined && { archive: flags.to }) });
    const shelf = openShelf(folder);
    const now = Date.now();
    const archived = await archive(
      { log, whole: archivedLog(log, { shelf, absent: complain }), folder },
      {
        before: now - ageMs,
        now,
        isDryRun,
        signal: ending.signal,
        progress: progress.at,
        archived: async ({ isLeftOver, ...made }) => {
          progress.end();
          const earlier = isLeftOver ? ' (of an earlier run)' : '';
          await records.write(made, () => `${made.file}${earlier}: ${counted(made.facts)} facts of ${counted(made.streams)} streams`);
        },
        complain,
      },
    ).finally(progress.end);
    await tell(records, archived, { isDryRun, folder });
    return 0;
  } finally {
    await release();
  }
}

async function tell(records: Records, archived: Archived, { isDryRun, folder }: { isDryRun: boolean; folder: string }): Promise<void> {
  const { streams, facts, kinds } = archived;
  const which = Object.entries(kinds).map(([kind, number]) => `${counted(number)} ${kind}`);
  const what = `${counted(facts)} facts of ${counted(streams)} streams${which.length > 0 ? ` (${which.join(', ')})` : ''}`;
  await records.write({ ...archived, dryRun: isDryRun }, () =>
    isDryRun ? `${what} would go to ${folder}.` : `${what} are in ${folder} now.`,
  );
}

const AGE = /^([1-9]\d{0,4})([dwy])$/;
const DAY_MS = 86_400_000;
const UNITS_MS: Readonly<Record<string, number>> = { d: DAY_MS, w: 7 * DAY_MS, y: 365 * DAY_MS };
/** Pages of descriptions go by the time of the first. */
const MARGIN_MS = 3_600_000;

/** What is described, or may be on a page of what is, stays in the log. */
async function readAge({ olderThan, config }: ArchiveFlags): Promise<number> {
  const [, number, unit = ''] = AGE.exec(olderThan) ?? [];
  if (number === undefined)
    throw new ConfigError(`--older-than must be a number of days, weeks or years, such as 90d, 12w or 2y, not "${olderThan}".`);
  const ageMs = Number(number) * (UNITS_MS[unit] as number);
  const { deletedSessionVisibleMs } = await brokerConfigOf({ ...(config !== undefined && { config }), logLevel: 'warn' });
  if (ageMs >= deletedSessionVisibleMs + MARGIN_MS) return ageMs;
  throw new ConfigError(
    `--older-than must be longer than deleted sessions are described (delete-session-duration-seconds), not ${olderThan}.`,
  );
}

interface Target {
  readonly log: EventLog;
  release(): Promise<void>;
}

/** For this process alone: in a data folder no broker may run; on a server it is one at a time. */
async function openTarget(flags: ArchiveFlags): Promise<Target> {
  if (flags.log !== undefined) return openServer(flags.log, flags.streamPrefix);
  if (flags.streamPrefix !== undefined) throw new ConfigError('--stream-prefix belongs to --log.');
  const folder = dataFolderOf(flags);
  const file = join(folder, 'log.sqlite');
  if (!existsSync(file))
    throw new ConfigError(`The folder ${folder} holds no log (log.sqlite); --data-dir says where the broker keeps it.`);
  const claim = await claimDataFolder(folder).catch((cause: Error) => {
    throw cause instanceof FolderInUseError ? new ConfigError(`${cause.message} Stop it, archive, and start it again.`, { cause }) : cause;
  });
  try {
    const log = await openSqliteEventLog(file);
    return { log, release: () => log.close().finally(claim.release) };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

const LOCK = 'archive';

async function openServer(address: string, prefix = ''): Promise<Target> {
  const server = eventLog({ value: address, from: '--log' });
  if (server === undefined) throw new ConfigError('--log must not be empty.');
  const { openEventStoreLog } = await import('../eventstoredb/event-log.ts');
  const log = await openEventStoreLog(server, { streamPrefix: streamPrefix({ value: prefix, from: '--stream-prefix' }) });
  const lock = await log.locks.take(LOCK);
  if (lock !== undefined) return { log, release: () => lock.release().finally(log.close) };
  await log.close();
  throw new ConfigError('Somebody else is archiving this log.');
}

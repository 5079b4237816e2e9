/** `berth log copy`: moves a log from a file to a server of logs, or back. */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { EventLog } from '../../domain/ports/event-log.ts';
import { archivedLog } from '../archive/archived-log.ts';
import { archivesIn, openShelf } from '../archive/shelf.ts';
import { DifferentLogError } from '../copy/comparing.ts';
import { type Copied, copyLog, type Doing } from '../copy/copying.ts';
import { LEADER } from '../leading.ts';
import { ConfigError } from '../settings/setting.ts';
import { eventLog, streamPrefix } from '../settings/values.ts';
import { claimDataFolder } from '../sqlite/data-folder.ts';
import { openSqliteEventLog } from '../sqlite/event-log.ts';
import { type CopyFlags, dataFolderOf, type LogFlags } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { openLogSource } from './log-source.ts';
import { counted, createProgress, type Progress } from './progress.ts';
import { createRecords } from './records.ts';

/** Resolves with the exit code. */
export async function runCopy(from: string, to: string, flags: CopyFlags): Promise<number> {
  const ending = new AbortController();
  void endRequested().then(() => ending.abort(new Error('Stopped before the end; the same command goes on from there.')));
  const source = await openLogSource(sourceFlags(from, flags), (sentence) => {
    throw new Error(`${sentence} A copy has to hold everything.`);
  });
  try {
    await refuseSame(source.name, to, flags);
    const target = await openTarget(to, flags);
    try {
      const head = await source.reader.head();
      const show = createShow(head);
      const options = { from: source.reader, to: target.log, signal: ending.signal, progress: show.progress };
      const copied = await copyLog(options)
        .catch((error: Error) => {
          throw error instanceof DifferentLogError ? new Error(`${target.name} ${error.message}`, { cause: error }) : error;
        })
        .finally(show.end);
      const isBehind = (await source.reader.head()) > copied.from;
      await tell(flags, { ...copied, isBehind, names: [source.name, target.name] });
      return 0;
    } finally {
      await target.release();
    }
  } finally {
    await source.reader.close();
  }
}

interface Told extends Copied {
  /** The log that was copied has gone on meanwhile. */
  readonly isBehind: boolean;
  readonly names: readonly [from: string, to: string];
}

async function tell(flags: CopyFlags, { isBehind, names: [from, to], ms, ...copied }: Told): Promise<void> {
  const { facts, added, streams } = copied;
  const seconds = ms / 1000;
  const record = {
    facts,
    added,
    streams,
    seconds,
    from: { log: from, position: copied.from },
    to: { log: to, position: copied.to },
    complete: !isBehind,
  };
  const later = isBehind ? 'It has been written to meanwhile' : 'What is written to it from now on is not in the copy';
  await createRecords(flags).write(record, () =>
    [
      `Copied ${counted(added)} facts in ${seconds.toFixed(1)} s (${counted(added / Math.max(seconds, 0.001))} facts/s); ${counted(facts - added)} were there before.`,
      `All ${counted(facts)} facts of ${counted(streams)} streams were read back and are the same.`,
      `${from}, position ${copied.from} → ${to}, position ${copied.to}`,
      `${later}; the same command copies the rest.`,
    ].join('\n'),
  );
}

/** One line of progress for each thing that is done. */
function createShow(head: number) {
  let doing: Doing | undefined;
  let progress: Progress | undefined;
  let before = 0;
  return {
    progress(now: Doing, position: number, facts: number): void {
      if (now !== doing) {
        progress?.end();
        progress = createProgress(now, head);
        before = now === 'Copying' ? facts : 0;
        doing = now;
      }
      progress?.at(position, facts - before);
    },
    end: () => progress?.end(),
  };
}

const isServer = (place: string): boolean => place.includes('://');

/** The folder of `folder` or `folder/log.sqlite`. */
function folderOf(place: string): string {
  const path = resolve(place);
  if (!path.endsWith('.sqlite')) return path;
  if (basename(path) !== LOG_FILE) throw new ConfigError(`The log in a data folder is called ${LOG_FILE}, not ${basename(path)}.`);
  return dirname(path);
}

const LOG_FILE = 'log.sqlite';

function sourceFlags(from: string, { fromPrefix, fromArchive }: CopyFlags): LogFlags {
  const archive = fromArchive === undefined ? {} : { archive: fromArchive };
  if (isServer(from)) return { log: addressOf(from, 'FROM'), ...(fromPrefix !== undefined && { streamPrefix: fromPrefix }), ...archive };
  if (fromPrefix !== undefined) throw new ConfigError('--from-prefix belongs to a log on a server.');
  return { dataDir: folderOf(from), ...archive };
}

function addressOf(place: string, from: string): string {
  return eventLog({ value: place, from }) ?? place;
}

/** What two names cannot tell is found out by the lock, or by the comparison: a log is the beginning of itself. */
async function refuseSame(name: string, to: string, { fromPrefix = '', toPrefix = '' }: CopyFlags): Promise<void> {
  const target = isServer(to) ? `${to.split('?')[0]}` : join(folderOf(to), LOG_FILE);
  const [one, other] = await Promise.all([name, target].map((path) => realpath(path).catch(() => path)));
  if (one === other && fromPrefix === toPrefix) throw new ConfigError('A log cannot be copied into itself.');
}

interface Target {
  readonly log: EventLog;
  readonly name: string;
  release(): Promise<void>;
}

function openTarget(to: string, { toPrefix }: CopyFlags): Promise<Target> {
  if (isServer(to)) return openServer(addressOf(to, 'TO'), toPrefix);
  if (toPrefix !== undefined) throw new ConfigError('--to-prefix belongs to a log on a server.');
  return openFolder(folderOf(to));
}

async function openFolder(folder: string): Promise<Target> {
  const claim = await claimDataFolder(folder);
  const name = join(folder, LOG_FILE);
  try {
    const log = await openSqliteEventLog(name);
    return { log: whole(log, folder), name, release: () => log.close().finally(claim.release) };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

/** On a log that any broker uses, one of them leads. */
async function openServer(address: string, prefix = ''): Promise<Target> {
  const { openEventStoreLog } = await import('../eventstoredb/event-log.ts');
  const log = await openEventStoreLog(address, { streamPrefix: streamPrefix({ value: prefix, from: '--to-prefix' }) });
  const name = log.describe().server;
  const lock = await log.locks.take(LEADER);
  if (lock !== undefined) return { log: whole(log, dataFolderOf({})), name, release: () => lock.release().finally(log.close) };
  await log.close();
  throw new ConfigError(`The log at ${name} is in use by a broker, or is being copied to.`);
}

/** What was moved from the copy itself to archives counts as there. */
function whole<L extends EventLog>(log: L, dataFolder: string): L {
  return archivedLog(log, {
    shelf: openShelf(archivesIn(dataFolder)),
    absent: (sentence) => {
      throw new Error(`${sentence} What is in the copy cannot be compared.`);
    },
  });
}

/** `berth describe`: what the Describe calls answer, or would have answered at a moment in the past, from the log alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Moment, Until } from '../../projections/replay.ts';
import type { Page } from '../../projections/views.ts';
import { presentServer } from '../http/present-server.ts';
import { presentSession, presentTime } from '../http/present-session.ts';
import { readFilters } from '../http/session-filters.ts';
import { liftedLog } from '../lifted-log.ts';
import { AS_OF_FORM, readAsOf, refuseFuture } from '../replay/as-of.ts';
import { foldPast } from '../replay/folding-past.ts';
import { createPastReads, type PastReads } from '../replay/past-reads.ts';
import { ConfigError } from '../settings/setting.ts';
import { openReadDatabase } from '../sqlite/read-database.ts';
import { brokerConfigOf, type DescribeFlags } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { openLogSource } from './log-source.ts';
import { complain, stderrLogger } from './output.ts';
import { createProgress } from './progress.ts';
import { createRecords } from './records.ts';

const PAGE = 1000;
const FILTER_LIMIT = 1000;

/** Resolves with the exit code. The answer is one JSON text in the shape of the API, an item a line. */
export async function runDescribe(what: string, flags: DescribeFlags): Promise<number> {
  const question = questionOf(what, flags);
  const asOf = momentOf(flags.asOf);
  const { deletedSessionVisibleMs: deletedVisibleMs } = await brokerConfigOf({ ...(flags.config && { config: flags.config }) });
  const { reader } = await openLogSource(flags);
  const folder = await mkdtemp(join(tmpdir(), 'berth-describe-'));
  try {
    const file = join(folder, 'past.sqlite');
    const moment = await fold(reader, file, asOf);
    complain(`As of position ${moment.position}, ${presentTime(moment.time)}.`);
    const database = await openReadDatabase(file, { logger: stderrLogger('describe', 'warn'), readers: 1 });
    await answer(question, createPastReads(database.reader, { time: moment.time, deletedVisibleMs })).finally(database.close);
    return 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await reader.close();
  }
}

function momentOf(asOf: string | undefined): Until | undefined {
  const until = readAsOf(asOf);
  if (asOf === undefined || until !== undefined) return until;
  throw new ConfigError(`--as-of must be ${AS_OF_FORM}, not "${asOf}".`);
}

/** Without a moment: all that is in the log, as of now. */
async function fold(reader: LogReader, file: string, asOf: Until | undefined): Promise<Moment> {
  const ending = new AbortController();
  void endRequested().then(() => ending.abort(new Error('Stopped before the end.')));
  const [head, now] = [await reader.head(), Date.now()];
  const until = asOf ?? { position: head };
  try {
    refuseFuture(until, head, now);
  } catch (cause) {
    throw new ConfigError(`--as-of: ${(cause as Error).message}.`, { cause });
  }
  const progress = createProgress('Folding the log', head);
  const options = { log: liftedLog(reader), until, file, logger: stderrLogger('describe', 'warn'), signal: ending.signal };
  const { position, time } = await foldPast({ ...options, progress: progress.at }).finally(progress.end);
  return { position, time: asOf === undefined ? now : time };
}

interface Question {
  readonly field: 'Sessions' | 'Servers';
  page(reads: PastReads, after: number | undefined): Promise<Page<object>>;
}

function questionOf(what: string, { id, filter }: DescribeFlags): Question {
  if (what === 'servers') {
    if (filter !== undefined) throw new ConfigError('--filter belongs to sessions.');
    return {
      field: 'Servers',
      page: async (reads, after) => mapped(await reads.describeServers({ ids: id, limit: PAGE, after }), presentServer),
    };
  }
  if (what !== 'sessions') throw new ConfigError(`What to describe must be sessions or servers, not "${what}".`);
  const filters = readFilters((filter ?? []).map(filterOf), FILTER_LIMIT);
  return {
    field: 'Sessions',
    page: async (reads, after) => mapped(await reads.describeSessions({ ...filters, ids: id, limit: PAGE, after }), presentSession),
  };
}

/** `owner=ann`. */
function filterOf(text: string): { readonly Key: string; readonly Value: string } {
  const [key = '', ...value] = text.split('=');
  if (value.length === 0) throw new ConfigError(`--filter must be a key and a value, such as owner=ann, not "${text}".`);
  return { Key: key, Value: value.join('=') };
}

const mapped = <T>({ items, next }: Page<T>, present: (item: T) => object): Page<object> => ({ items: items.map(present), next });

async function answer({ field, page }: Question, reads: PastReads): Promise<void> {
  const { say } = createRecords({ json: false });
  await say(`{"${field}":[`);
  let separator = '';
  let after: number | undefined;
  do {
    const { items, next } = await page(reads, after);
    for (const item of items) {
      await say(separator + JSON.stringify(item));
      separator = ',';
    }
    after = next;
  } while (after !== undefined);
  await say(']}');
}

/** `berth audit`: who did what, to whom, when and from which request, as the log itself says. */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { type AuditFilter, createAuditFilter } from '../../projections/audit-filter.ts';
import { CSV_END, CSV_HEADER, csvLine, entryOf } from '../audit/entries.ts';
import { type FilterName, readFilter, WishError } from '../audit/wish.ts';
import { auditLine } from './audit-line.ts';
import type { AuditFlags } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { openLogSource } from './log-source.ts';
import { createRecords } from './records.ts';

const FLAGS: Readonly<Record<FilterName, string>> = {
  actor: '--actor',
  client: '--client',
  owner: '--owner',
  type: '--type',
  from: '--from',
  to: '--to',
  requestId: '--request',
};

/** Facts in memory at a time. */
const PAGE = 500;

type Show = (fact: RecordedFact) => Promise<void>;

/** Resolves with the exit code. */
export async function runAudit(flags: AuditFlags): Promise<number> {
  const filter = readFilter({ ...flags, requestId: flags.request }, FLAGS);
  if (flags.follow && filter.to !== undefined) throw new WishError('--to: what is followed has no end.');
  if (flags.csv && flags.json !== undefined) throw new WishError('Give --csv or --json, not both.');
  const show = await createShow(flags);
  const { reader } = await openLogSource(flags);
  try {
    if (flags.follow) await follow(reader, filter, show);
    else await list(reader, filter, show);
    return 0;
  } finally {
    await reader.close();
  }
}

async function createShow(flags: AuditFlags): Promise<Show> {
  const records = createRecords(flags);
  if (!flags.csv) return (fact) => records.write(entryOf(fact), () => auditLine(fact));
  await records.text(`${CSV_HEADER}${CSV_END}`);
  return (fact) => records.text(`${csvLine(entryOf(fact))}${CSV_END}`);
}

/** All that is there now. */
async function list(reader: LogReader, filter: AuditFilter, show: Show): Promise<void> {
  const matches = createAuditFilter(filter);
  const end = await reader.head();
  for (let after: Position = LOG_START; after < end; ) {
    const facts = await reader.readAll(after, PAGE);
    for (const fact of facts) if (fact.position <= end && matches(fact)) await show(fact);
    after = facts.at(-1)?.position ?? end;
  }
}

/** What happens from now on, or since `--from`, until somebody ends it. Whose sessions are whose is only known to who has read the log from its start. */
async function follow(reader: LogReader, filter: AuditFilter, show: Show): Promise<void> {
  const ending = endRequested();
  const matches = createAuditFilter(filter);
  const now = await reader.head();
  const silentUntil = filter.from === undefined ? now : LOG_START;
  const start = filter.owner === undefined ? silentUntil : LOG_START;
  await new Promise<void>((resolve, reject) => {
    const deliver = async (facts: readonly RecordedFact[]) => {
      for (const fact of facts) if (matches(fact) && fact.position > silentUntil) await show(fact);
    };
    reader.subscribe(start, deliver, reject);
    void ending.then(resolve);
  });
}

/** `berth audit`: who did what, and when, as the log says. */
import { LOG_START, type Position, type RecordedFact } from '../../domain/facts.ts';
import type { AuditFlags } from './flags.ts';
import { openLogSource } from './log-source.ts';
import { createRecords } from './records.ts';

/** Facts in memory at a time. */
const PAGE = 500;

/** Resolves with the exit code. */
export async function runAudit(flags: AuditFlags): Promise<number> {
  const records = createRecords(flags);
  const { reader } = await openLogSource(flags);
  try {
    let after: Position | undefined = LOG_START;
    while (after !== undefined) {
      const facts: readonly RecordedFact[] = await reader.readAll(after, PAGE);
      for (const fact of facts) await records.write(fact, () => lineOf(fact));
      after = facts.at(-1)?.position;
    }
    return 0;
  } finally {
    await reader.close();
  }
}

function lineOf({ time, stream, type, cause, requestId }: RecordedFact): string {
  return [new Date(time).toISOString(), type, stream, `${cause.kind} ${cause.id}`, requestId].join('  ');
}

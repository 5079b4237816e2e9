/** Facts as auditors get them, whether from a broker or from the command line: as JSON, and as lines of CSV. */
import type { RecordedFact } from '../../domain/facts.ts';
import { disclosed } from '../../projections/disclosure.ts';
import type { AuditEntry } from '../wire/audit.ts';

export function entryOf(fact: RecordedFact): AuditEntry {
  return {
    Position: fact.position,
    Time: new Date(fact.time).toISOString(),
    Type: fact.type,
    Actor: fact.stream,
    Revision: fact.revision,
    Cause: { Kind: fact.cause.kind, Id: fact.cause.id },
    RequestId: fact.requestId,
    SchemaVersion: fact.schemaVersion,
    Data: disclosed(fact) as Record<string, unknown>,
  };
}

/** What stands in a line, from left to right. */
const COLUMNS: readonly (readonly [heading: string, cell: (entry: AuditEntry) => unknown])[] = [
  ['Position', ({ Position }) => Position],
  ['Time', ({ Time }) => Time],
  ['Type', ({ Type }) => Type],
  ['Actor', ({ Actor }) => Actor],
  ['Revision', ({ Revision }) => Revision],
  ['CauseKind', ({ Cause }) => Cause?.Kind],
  ['CauseId', ({ Cause }) => Cause?.Id],
  ['RequestId', ({ RequestId }) => RequestId],
  ['SchemaVersion', ({ SchemaVersion }) => SchemaVersion],
  ['Data', ({ Data }) => JSON.stringify(Data)],
];

/** RFC 4180; without the end of the line, which is `CSV_END`. */
export const CSV_HEADER = COLUMNS.map(([heading]) => heading).join();
export const CSV_END = '\r\n';

export const csvLine = (entry: AuditEntry): string => COLUMNS.map(([, cell]) => quoted(String(cell(entry)))).join();

/** Spreadsheets take a cell that begins so for a formula, and would carry out what somebody put into a name. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

function quoted(text: string): string {
  const harmless = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

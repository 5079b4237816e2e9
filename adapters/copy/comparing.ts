/** Two logs side by side: whether one holds the beginning of the other, fact by fact, whatever the positions. */
import { LOG_START, type Position, type RecordedFact, type Revision } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { factLine } from '../archive/format.ts';

/** The copy is something else than it ought to be; the message is for the operator. */
export class DifferentLogError extends Error {
  override readonly name = 'DifferentLogError';
}

/** What both hold. */
export interface Common {
  readonly facts: number;
  /** Of the last of them, in either. */
  readonly from: Position;
  readonly to: Position;
  /** Where each stream stands. */
  readonly streams: Map<StreamName, Revision>;
}

export interface ComparingOptions {
  readonly from: Pick<LogReader, 'readAll'>;
  readonly to: Pick<LogReader, 'readAll'>;
  readonly signal: AbortSignal;
  progress(position: Position, facts: number): void;
}

const PAGE = 1000;

/** All of `to`, which is the beginning of `from`. Throws DifferentLogError, naming the first fact that is not the same, where it is not. */
export async function compareLogs({ from, to, signal, progress }: ComparingOptions): Promise<Common> {
  const streams = new Map<StreamName, Revision>();
  let common = { facts: 0, from: LOG_START, to: LOG_START };
  for (;;) {
    signal.throwIfAborted();
    const copies = await to.readAll(common.to, PAGE);
    if (copies.length === 0) return { ...common, streams };
    const originals = await from.readAll(common.from, copies.length);
    for (const [index, copy] of copies.entries()) {
      const original = originals[index];
      if (original === undefined || contentOf(original) !== contentOf(copy)) throw different(original, copy);
      streams.set(copy.stream, copy.revision);
      common = { facts: common.facts + 1, from: original.position, to: copy.position };
    }
    progress(common.from, common.facts);
  }
}

/** Everything but the position. */
const contentOf = (fact: RecordedFact): string => factLine({ ...fact, position: LOG_START });

function different(original: RecordedFact | undefined, copy: RecordedFact): DifferentLogError {
  const there = `holds ${described(copy)} at position ${copy.position}`;
  if (original === undefined) return new DifferentLogError(`${there}, where the log that is copied ends.`);
  const place = `where the log that is copied holds ${described(original)} at position ${original.position}`;
  if (original.id !== copy.id) return new DifferentLogError(`${there}, ${place}.`);
  return new DifferentLogError(`${there}, and not as the log that is copied does: ${differences(original, copy).join(', ')} differ.`);
}

const described = ({ stream, revision, type, id }: RecordedFact): string => `${stream} at revision ${revision} (${type}, ${id})`;

function differences(original: RecordedFact, copy: RecordedFact): readonly string[] {
  const [one, other] = [original, copy].map((fact) => JSON.parse(contentOf(fact)) as Record<string, unknown>);
  const names = new Set([...Object.keys(one ?? {}), ...Object.keys(other ?? {})]);
  return [...names].filter((name) => JSON.stringify(one?.[name]) !== JSON.stringify(other?.[name]));
}

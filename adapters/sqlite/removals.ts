/** Facts on their way out of the log. Those of many streams leave in one transaction, a few at a time, so that appends need not wait long. */
import { LOG_START, NO_STREAM } from '../../domain/facts.ts';
import type { StreamName } from '../../domain/ids.ts';
import type { Removal } from '../../domain/ports/event-log.ts';
import type { Connection } from './connection.ts';
import { type Leaving, readNewestStream, removeFacts } from './log-statements.ts';
import { type HeadsByStream, headOf, type StreamHeads } from './stream-heads.ts';

/** Streams of one transaction, which takes some milliseconds. */
export const REMOVAL_GROUP = 100;

export interface PendingRemoval {
  readonly stream: StreamName;
  readonly removal: Removal;
  readonly resolve: (isDone: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** Judges each removal by where its stream stands, carries out those that may be, and answers all. Rejects, with nothing done, if that fails. */
export async function takeOut(connection: Connection, heads: StreamHeads, group: readonly PendingRemoval[]): Promise<void> {
  const known = await heads.of(group.map(({ stream, removal }) => ({ stream, expectedRevision: removal.revision })));
  const newest = await readNewestStream(connection);
  const leaving = new Map<StreamName, Leaving>();
  const answers = group.map(({ stream, removal }) => {
    const { revision } = removal;
    const head = headOf(known, stream);
    if (revision === NO_STREAM || head.revision !== revision || head.first === newest) return false;
    if (head.first !== LOG_START) leaving.set(stream, { stream, first: head.first, removal });
    return true;
  });
  if (leaving.size > 0) await removeFacts(connection, [...leaving.values()]);
  const left: HeadsByStream = new Map();
  for (const { stream, removal } of leaving.values()) left.set(stream, { first: LOG_START, revision: removal.revision });
  heads.remember(left);
  for (const [index, { resolve }] of group.entries()) resolve(answers[index] as boolean);
}

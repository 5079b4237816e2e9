/** What the Describe calls answer from, as it was at a moment: folded from the log into a file of its own, which whoever asked deletes again. */
import type { LogReader } from '../../domain/ports/event-log.ts';
import { type Moment, replay, type Until } from '../../projections/replay.ts';
import { servers } from '../../projections/servers.ts';
import { sessions } from '../../projections/sessions.ts';
import type { Logger } from '../logging.ts';
import { openReadDatabase } from '../sqlite/read-database.ts';

export interface FoldingOptions {
  /** As the projections see it: in the newest shapes. */
  readonly log: Pick<LogReader, 'readAll'>;
  readonly until: Until;
  /** Made anew. */
  readonly file: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  progress?(position: number, facts: number): void;
}

/** Gives the moment: the position of the last fact before it, and the time that was asked for, or else that fact's. */
export async function foldPast({ until, file, ...options }: FoldingOptions): Promise<Moment> {
  const database = await openReadDatabase(file, { logger: options.logger, readers: 1 });
  try {
    const { last = BEGINNING } = await replay({ ...options, database, until, projections: [sessions, servers] });
    return { position: last.position, time: 'time' in until ? until.time : last.time };
  } finally {
    await database.close();
  }
}

const BEGINNING: Moment = { position: 0, time: 0 };

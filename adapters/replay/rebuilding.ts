/** Read models built anew from the log, beside those in use, and compared with them. Nothing but the folder `replay` is written to. */
import { existsSync } from 'node:fs';
import type { Position } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import type { Projection } from '../../projections/projection.ts';
import { replay, type Until } from '../../projections/replay.ts';
import type { Logger } from '../logging.ts';
import { openReadDatabase } from '../sqlite/read-database.ts';
import { type Comparison, openReadsInUse, type ReadsInUse } from './comparing.ts';
import type { ReplayFolder } from './folder.ts';

export interface RebuildOptions {
  /** As the projections see it: in the newest shapes. */
  readonly log: Pick<LogReader, 'readAll' | 'head'>;
  readonly folder: ReplayFolder;
  readonly projections: readonly Projection[];
  readonly logger: Logger;
  /** Rows of each table whose differences are described. */
  readonly limit: number;
  readonly signal: AbortSignal;
  progress(position: Position, facts: number): void;
}

export interface Rebuilt {
  readonly facts: number;
  /** Where the new ones stand: at the end of the log. They are in the file `fresh`, closed. */
  readonly position: Position;
  /** Undefined: there is nothing in use. `impossible`: why they cannot be compared, as a clause. */
  readonly comparison: (Comparison & { readonly position: Position }) | { readonly impossible: string } | undefined;
}

export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { log, folder, progress } = options;
  const database = await openReadDatabase(folder.fresh, { logger: options.logger, readers: 1 });
  let facts = 0;
  const foldOn = async (until: Until): Promise<void> => {
    const before = facts;
    const { facts: more } = await replay({ ...options, database, until, progress: (at, folded) => progress(at, before + folded) });
    facts = before + more;
  };
  try {
    // Those in use are made to stand still only when what is left to fold is little: meanwhile their WAL cannot be emptied.
    await foldOn({ position: Math.min(await log.head(), await positionInUse(folder)) });
    const comparison = existsSync(folder.inUse) ? await compare(options, foldOn) : undefined;
    const position = await log.head();
    await foldOn({ position });
    return { facts, position, comparison };
  } finally {
    await database.close();
  }
}

async function compare({ log, folder, projections, limit }: RebuildOptions, foldOn: (until: Until) => Promise<void>) {
  const inUse = await openReadsInUse(folder.inUse, folder.fresh).catch(impossible);
  if ('impossible' in inUse) return inUse;
  try {
    const { position } = inUse;
    const head = await log.head();
    if (position > head) return { impossible: `they are at position ${position}, and the log ends at ${head}: they are of another log` };
    await foldOn({ position });
    return { ...(await inUse.compare(projections, limit)), position };
  } finally {
    await inUse.close();
  }
}

/** As far as the new ones may go before the comparison. Whatever is wrong with those in use is told later. */
async function positionInUse({ inUse, fresh }: ReplayFolder): Promise<Position> {
  const found: ReadsInUse | undefined = await openReadsInUse(inUse, fresh).catch(() => undefined);
  await found?.close();
  return found?.position ?? Number.MAX_SAFE_INTEGER;
}

const impossible = (error: Error): { readonly impossible: string } => ({ impossible: error.message });

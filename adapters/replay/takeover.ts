/**
 * A broker takes over read models that were built anew beside it. It brings them up to the head of the log while it answers from its own; then its own stand
 * still for as long as it takes to fold the last facts and to exchange the files, and whoever asks meanwhile waits and gets the new ones.
 */
import type { Position } from '../../domain/facts.ts';
import type { LogReader } from '../../domain/ports/event-log.ts';
import { PROJECTIONS } from '../../projections/all.ts';
import type { Projector } from '../../projections/projector.ts';
import { replay, type Until } from '../../projections/replay.ts';
import type { Logger } from '../logging.ts';
import { faultOf, type OpenReadDatabase, openReadDatabase, putInPlace } from '../sqlite/read-database.ts';
import type { Answer } from './folder.ts';

export interface TakeoverPorts {
  readonly log: Pick<LogReader, 'readAll' | 'head'>;
  readonly database: Pick<OpenReadDatabase, 'exchange'>;
  readonly standStill: Projector['standStill'];
  readonly logger: Logger;
}

/** `file` is that of `database`, whose place `next` gets. A refused one is left where it is. */
export async function takeOver(ports: TakeoverPorts, next: string, file: string): Promise<Answer> {
  const { log, database, standStill, logger } = ports;
  const fault = await faultOf(next);
  if (fault !== undefined) return { refused: fault };
  const fresh = await openReadDatabase(next, { logger, readers: 1 });
  const foldOn = (until: Until) => replay({ log, database: fresh, projections: PROJECTIONS, logger, until });
  try {
    const head = await log.head();
    if ((await positionOf(fresh)) > head) return { refused: 'it is ahead of the log, so it is of another log' };
    await foldOn({ position: head });
    await standStill(async (position) => {
      await foldOn({ position });
      await fresh.close();
      await database.exchange(() => putInPlace(next, file));
    });
    return { taken: true };
  } finally {
    await fresh.close();
  }
}

async function positionOf({ reader }: OpenReadDatabase): Promise<Position> {
  return (await reader.selectFrom('cursor').select('position').executeTakeFirstOrThrow()).position;
}

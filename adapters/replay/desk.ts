/** Where a running broker is asked to take over other read models: it watches the folder `replay`, and answers there. */
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { rename } from 'node:fs/promises';
import { PRIVATE_MODE, replaceFile } from '../files.ts';
import type { Logger } from '../logging.ts';
import { faultOf, type OpenReadDatabase, openReadDatabase, putInPlace, removeDatabase } from '../sqlite/read-database.ts';
import { makeReplayFolder, type ReplayFolder, replayFolder } from './folder.ts';
import { type TakeoverPorts, takeOver } from './takeover.ts';

export interface Desk {
  /** Resolves when what was under way is done. */
  stop(): Promise<void>;
}

/**
 * Opens the read models of a broker that starts. What it, or one before it, was asked to take over is put in their place before; if that is behind the
 * log, it catches up with it as any other would.
 */
export async function openReadModels(inUse: string, logger: Logger): Promise<OpenReadDatabase> {
  const { taking, next } = replayFolder(inUse);
  for (const waiting of [taking, next].filter((path) => existsSync(path))) {
    const fault = await faultOf(waiting);
    if (fault === undefined) await putInPlace(waiting, inUse);
    await removeDatabase(waiting);
    logger.info({ fault }, 'Read models that were built anew were waiting at the start.');
  }
  return openReadDatabase(inUse, { logger });
}

/** For the broker that has these read models in use. */
export async function openDesk(ports: TakeoverPorts, inUse: string): Promise<Desk> {
  const { logger } = ports;
  const folder = replayFolder(inUse);
  let stopped = false;
  let working: Promise<void> | undefined;

  function look(): void {
    if (stopped || working !== undefined || !existsSync(folder.next)) return;
    working = serve().then(
      () => {
        working = undefined;
        look();
      },
      // It is not asked again: what cannot be answered now cannot be answered in a moment either.
      (err: unknown) => logger.error({ err }, 'Whoever asked to take over read models gets no answer.'),
    );
  }

  async function serve(): Promise<void> {
    const startedAt = performance.now();
    await rename(folder.next, folder.taking);
    const answer = await takeOver(ports, folder.taking, folder.inUse).catch((err: unknown) => {
      logger.error({ err }, 'Read models that were built anew could not be taken over.');
      return { refused: `it failed (${err})` };
    });
    await removeDatabase(folder.taking);
    await replaceFile(folder.answer, JSON.stringify(answer), PRIVATE_MODE);
    logger.info({ ...answer, ms: Math.round(performance.now() - startedAt) }, 'Asked to take over read models that were built anew.');
  }

  await makeReplayFolder(folder);
  const watcher = watchFolder(folder, look, logger);
  look();
  return {
    async stop() {
      stopped = true;
      watcher?.close();
      await working;
    },
  };
}

function watchFolder({ path }: ReplayFolder, look: () => void, logger: Logger): FSWatcher | undefined {
  /* c8 ignore start -- only a system that has run out of watches gets here. */
  const failed = (err: unknown): undefined => {
    logger.warn({ err, path }, 'The folder cannot be watched: read models that are built anew are taken over at the next start only.');
  };
  try {
    return watch(path, look).on('error', failed);
  } catch (error) {
    return failed(error);
  }
  /* c8 ignore stop */
}

/** The process that folds the past for a broker: one job, one answer, and the end. */
import { once } from 'node:events';
import { liftedLog } from '../lifted-log.ts';
import type { FoldAnswer, FoldJob } from '../replay/fold-child.ts';
import { foldPast } from '../replay/folding-past.ts';
import { openLogSource } from './log-source.ts';
import { stderrLogger } from './output.ts';

// The broker is gone, and nobody wants the answer.
process.on('disconnect', () => process.exit(1));

const [job] = (await once(process, 'message')) as [FoldJob];
const answer = await fold(job).catch((error: Error): FoldAnswer => ({ failed: error.message }));
process.send?.(answer, () => process.exit(0));

async function fold({ source, until, file }: FoldJob): Promise<FoldAnswer> {
  const { reader } = await openLogSource(source);
  return foldPast({ log: liftedLog(reader), until, file, logger: stderrLogger('fold', 'warn') });
}

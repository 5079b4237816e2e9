/** `berth replay`: builds the read models again from the log, compares them with those in use, and puts them in their place if asked to. */
import { existsSync } from 'node:fs';
import { PROJECTIONS } from '../../projections/all.ts';
import type { Projection } from '../../projections/projection.ts';
import { liftedLog } from '../lifted-log.ts';
import type { Difference } from '../replay/comparing.ts';
import { type Answer, claimReplayFolder } from '../replay/folder.ts';
import { handOver } from '../replay/handover.ts';
import { type Rebuilt, rebuild } from '../replay/rebuilding.ts';
import { ConfigError } from '../settings/setting.ts';
import { dataFolderOf, type ReplayFlags } from './flags.ts';
import { endRequested } from './lifetime.ts';
import { archiveFolderOf, openLogSource } from './log-source.ts';
import { stderrLogger } from './output.ts';
import { counted, createProgress } from './progress.ts';
import { createRecords, type Records } from './records.ts';

/** Rows of each table that are named; a wrong projection makes thousands. */
const LIMIT = 20;

/** Resolves with the exit code: 1 where the read models in use are not what the log says, or were to be exchanged and were not. */
export async function runReplay(flags: ReplayFlags): Promise<number> {
  const projections = projectionsOf(flags);
  const dataFolder = dataFolderOf(flags);
  if (!existsSync(dataFolder)) throw new ConfigError(`There is no data folder ${dataFolder}; --data-dir says where it is.`);
  const { dataDir, ...onServer } = { ...flags, archive: archiveFolderOf(flags) };
  const { reader, readModels } = await openLogSource(flags.log === undefined ? flags : onServer);
  const ending = new AbortController();
  void endRequested().then(() => ending.abort(new Error('Stopped before the end.')));
  try {
    const folder = await claimReplayFolder(readModels(dataFolder));
    try {
      const progress = createProgress('Folding the log', await reader.head());
      const startedAt = performance.now();
      const options = { log: liftedLog(reader), folder, projections, logger: stderrLogger('replay', 'warn'), limit: LIMIT };
      const rebuilt = await rebuild({ ...options, signal: ending.signal, progress: progress.at }).finally(progress.end);
      const seconds = (performance.now() - startedAt) / 1000;
      const swap = flags.swap === true ? await handOver(folder) : undefined;
      await tell(createRecords(flags), { ...rebuilt, seconds, swap });
      return isWell(rebuilt, swap) ? 0 : 1;
    } finally {
      await folder.release();
    }
  } finally {
    await reader.close();
  }
}

function projectionsOf({ model, swap }: ReplayFlags): readonly Projection[] {
  if (model === undefined) return PROJECTIONS;
  const chosen = PROJECTIONS.filter(({ name }) => name === model);
  const names = PROJECTIONS.map(({ name }) => name).join(', ');
  if (chosen.length === 0) throw new ConfigError(`--model must be one of ${names}, not "${model}".`);
  if (swap === true) throw new ConfigError('--swap exchanges the file with all models; leave --model out.');
  return chosen;
}

function isWell({ comparison }: Rebuilt, swap: Answer | undefined): boolean {
  const isSame = comparison === undefined || ('rows' in comparison && comparison.rows === 0);
  return isSame && (swap === undefined || 'taken' in swap);
}

async function tell(
  records: Records,
  { comparison, facts, position, seconds, swap }: Rebuilt & { seconds: number; swap: Answer | undefined },
) {
  const differences = comparison !== undefined && 'differences' in comparison ? comparison.differences : [];
  for (const difference of differences) await records.write(difference, () => lineOf(difference));
  const summary = { facts, seconds, position, ...verdict(comparison), ...(swap && { swap }) };
  const speed = `${counted(facts)} facts in ${seconds.toFixed(1)} s (${counted(facts / seconds)} facts/s), up to position ${position}`;
  await records.write(summary, () => [`Folded ${speed}.`, sentenceOf(comparison), ...(swap ? [swapSentence(swap)] : [])].join('\n'));
}

function verdict(comparison: Rebuilt['comparison']): object {
  if (comparison === undefined) return {};
  if ('impossible' in comparison) return comparison;
  return { comparedAt: comparison.position, differingRows: comparison.rows };
}

function lineOf(difference: Difference): string {
  const { table, row } = difference;
  const which = Object.entries(row).map(([key, value]) => `${key} ${value}`);
  const where = `${table}, ${which.join(', ')}`;
  if ('only' in difference)
    return `${where}: ${difference.only === 'inUse' ? 'is in use, and not in the log' : 'is in the log, and not in use'}`;
  const { column, inUse, rebuilt } = difference;
  return `${where}: ${column} is ${JSON.stringify(inUse)}, and ${JSON.stringify(rebuilt)} by the log`;
}

function sentenceOf(comparison: Rebuilt['comparison']): string {
  if (comparison === undefined) return 'There are no read models in use to compare with.';
  if ('impossible' in comparison) return `The read models in use cannot be compared: ${comparison.impossible}.`;
  const { rows, position } = comparison;
  if (rows === 0) return `The read models in use are the same (at position ${position}).`;
  return `${counted(rows)} rows of the read models in use differ (at position ${position}); at most ${LIMIT} of a kind are named.`;
}

const swapSentence = (swap: Answer): string =>
  'taken' in swap ? 'They are in use now.' : `They were not put in the place of those in use: ${swap.refused}.`;

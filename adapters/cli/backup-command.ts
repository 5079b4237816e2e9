/** `berth backup` and `berth restore`: a copy of what a broker keeps, and a data folder made from it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CLUSTER_KEY_FILE } from '../backup/contents.ts';
import type { Manifest } from '../backup/manifest.ts';
import { restoreBackup } from '../backup/restoring.ts';
import { takeBackup } from '../backup/taking.ts';
import { ConfigError } from '../settings/setting.ts';
import { type BackupFlags, dataFolderOf, type RestoreFlags } from './flags.ts';
import { complain } from './output.ts';
import { counted } from './progress.ts';
import { createRecords } from './records.ts';

const ELSEWHERE = 'The log is not in this data folder, and so not in the backup: back it up where it is kept.';
const KEY_ELSEWHERE = `${CLUSTER_KEY_FILE} is not in the data folder, and so not in the backup: keep a copy of the file that berth.cluster-key-file names.`;
const MEBIBYTE = 2 ** 20;

/** Resolves with the exit code. */
export async function runBackup(flags: BackupFlags): Promise<number> {
  const dataFolder = dataFolderOf(flags);
  if (!existsSync(dataFolder)) throw new ConfigError(`There is no data folder ${dataFolder}; --data-dir says where it is.`);
  const to = resolve(flags.to);
  const manifest = await takeBackup(dataFolder, to, Date.now);
  await createRecords(flags).write({ backup: to, ...summary(manifest) }, () => `Copied ${sentence(manifest)} to ${to}.`);
  if (manifest.log === null) complain(ELSEWHERE);
  if (manifest.files.every(({ path }) => path !== CLUSTER_KEY_FILE)) complain(KEY_ELSEWHERE);
  return 0;
}

export async function runRestore(flags: RestoreFlags): Promise<number> {
  const dataFolder = dataFolderOf(flags);
  const manifest = await restoreBackup(resolve(flags.from), dataFolder);
  const told = () => `Restored ${sentence(manifest)}, as of ${manifest.time}, to ${dataFolder}.`;
  await createRecords(flags).write({ dataFolder, ...summary(manifest) }, told);
  if (manifest.log === null) complain(ELSEWHERE);
  return 0;
}

const bytesOf = ({ files }: Manifest): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

const summary = (manifest: Manifest) => {
  return { time: manifest.time, ...manifest.log, files: manifest.files.length, bytes: bytesOf(manifest) };
};

function sentence(manifest: Manifest): string {
  const { length } = manifest.files;
  const size = `${(bytesOf(manifest) / MEBIBYTE).toFixed(1)} MiB in ${length} ${length === 1 ? 'file' : 'files'}`;
  return manifest.log === null ? size : `${counted(manifest.log.facts)} facts (up to position ${manifest.log.position}), ${size}`;
}

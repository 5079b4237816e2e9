/** `berth replace-cluster-key`: a new cluster key in the place of one that was lost or has leaked. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { requestId } from '../../domain/ids.ts';
import { ensureBrokerId } from '../broker-id.ts';
import { chained } from '../evidence/chained.ts';
import { liftedLog } from '../lifted-log.ts';
import { openLog } from '../open-log.ts';
import { KeyIsRightError, replaceClusterKey } from '../secrets/replacing.ts';
import { clusterKeyIn } from '../secrets/secrets.ts';
import { ConfigError } from '../settings/setting.ts';
import { claimDataFolder } from '../sqlite/data-folder.ts';
import { systemClock, systemRandom } from '../system.ts';
import { brokerConfigOf, type ReplaceKeyFlags } from './flags.ts';
import { print, stderrLogger } from './output.ts';

/** Resolves with the exit code. */
export async function runReplaceKey({ force = false, ...flags }: ReplaceKeyFlags): Promise<number> {
  const config = await brokerConfigOf(flags);
  if (!existsSync(config.dataDir)) throw new ConfigError(`There is no data folder ${config.dataDir}; --data-dir says where it is.`);
  const folder = await claimDataFolder(config.dataDir);
  try {
    const user = { folder: folder.path, broker: await ensureBrokerId(folder.path, systemRandom), logger: stderrLogger('berth', 'warn') };
    const log = chained((await openLog(config, user)).log);
    try {
      const origin = { cause: { kind: 'operator', id: userInfo().username }, requestId: requestId(systemRandom.uuid()) } as const;
      const ports = { log: liftedLog(log), clock: systemClock, random: systemRandom, origin };
      const file = config.clusterKeyFile ?? clusterKeyIn(folder.path);
      const { before } = await replaceClusterKey(ports, file, force).catch((error) => Promise.reject(sentence(error)));
      print(told(file, before, config.eventLog !== undefined));
      return 0;
    } finally {
      await log.close();
    }
  } finally {
    await folder.release();
  }
}

const sentence = (error: unknown): unknown =>
  error instanceof KeyIsRightError
    ? new ConfigError(`${error.message} Nothing is lost; --force replaces it all the same, because it has leaked for instance.`)
    : error;

function told(file: string, before: string | undefined, isShared: boolean): string {
  return [
    `There is a new cluster key in ${file}.`,
    ...(before === undefined ? [] : [`The one before is in ${before}; delete it if it has leaked.`]),
    'What to do now:',
    ...(isShared ? [`- Copy ${file} to the machines of all other brokers on this log, in the place of theirs, before they start.`] : []),
    '- Start the broker, and give tls/ca.pem of its data folder to agents (ca_file), clients and gateways that had the one before.',
    '- Clients get new tokens with the passwords that they have; tokens of before are refused.',
    '- Keep a copy of evidence.json from now on too: checkpoints are signed with another key (docs/evidence.md).',
  ].join('\n');
}

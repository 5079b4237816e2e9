/** Everything secret that a broker needs and shares with the others on its log, from the cluster key and the log. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '../logging.ts';
import { AUTHORITY, type Authority, openAuthority } from './authority.ts';
import { type ClusterKey, makeClusterKey, readClusterKey } from './cluster-key.ts';
import { formerKeys } from './former.ts';
import type { KeyPorts } from './key-stream.ts';
import { type OpenSigningKeys, openSigningKeys } from './signing-keys.ts';

export interface Secrets {
  readonly signingKeys: Pick<OpenSigningKeys, 'current' | 'find' | 'renew'>;
  readonly authority: Authority;
  /** 32 bytes for the tokens that lead from page to page. */
  readonly pageKey: Buffer;
  /** 32 bytes of which the key is made that signs checkpoints. */
  readonly checkpointSeed: Buffer;
  close(): Promise<void>;
}

export interface SecretsPorts extends KeyPorts {
  readonly logger: Logger;
  /** The log cannot be followed any more. */
  fatal(error: Error): void;
}

export interface SecretsFiles {
  readonly dataDir: string;
  /** Absent: `secrets/cluster.key` in the data folder, which is made where nothing is sealed with another one. */
  readonly clusterKeyFile: string | undefined;
}

/** Throws with one sentence for the operator where the cluster key is missing, wrong or open to others. */
export async function openSecrets(ports: SecretsPorts, files: SecretsFiles): Promise<Secrets> {
  const clusterKey = await findClusterKey(ports, files);
  const former = formerKeys(files.dataDir, ports.clock.now(), ports.logger);
  const authority = await openAuthority({ ...ports, clusterKey }, former.authority);
  const signingKeys = await openSigningKeys({ ...ports, clusterKey }, former.signingKeys);
  const derived = { pageKey: clusterKey.derive('page tokens'), checkpointSeed: clusterKey.derive('checkpoints') };
  return { signingKeys, authority, ...derived, close: signingKeys.close };
}

/** Where the key is unless a file is named. */
export const clusterKeyIn = (dataDir: string): string => join(dataDir, 'secrets', 'cluster.key');

/** A file that was named has to be there: one that is not is a mistake, or is not there yet, and must not be made in the place of the right one. */
async function findClusterKey({ log }: SecretsPorts, { dataDir, clusterKeyFile }: SecretsFiles): Promise<ClusterKey> {
  const file = clusterKeyFile ?? clusterKeyIn(dataDir);
  const found = await readClusterKey(file);
  if (found !== undefined) return found;
  if (clusterKeyFile !== undefined) throw new Error(`berth.cluster-key-file: there is no file ${file}.`);
  const [sealed] = await log.readStream(AUTHORITY, 0, 1);
  if (sealed !== undefined) {
    throw new Error(
      `The keys in this log are sealed, and there is no cluster key in ${file}. Copy it from a broker that runs on this log or from a backup, or name it with berth.cluster-key-file. Where it is lost: berth replace-cluster-key.`,
    );
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  return makeClusterKey(file);
}

/**
 * A new cluster key in the place of one that was lost or has leaked. What the old one sealed stays in the log and is worth nothing from then on, so there is a new
 * certificate authority and a new signing key with it.
 */
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../files.ts';
import { AUTHORITY, addAuthority, openAuthorities } from './authority.ts';
import { type ClusterKey, makeClusterKey, readClusterKey } from './cluster-key.ts';
import { type KeyFact, type KeyPorts, readKeys } from './key-stream.ts';
import { addSigningKey } from './signing-keys.ts';

export interface ReplacedKey {
  /** Where the key before was put; undefined: there was none. */
  readonly before: string | undefined;
}

/** The key opens what is in the log, so nothing is lost. */
export class KeyIsRightError extends Error {
  override readonly name = 'KeyIsRightError';
}

/**
 * Puts a new key into `file`, once the log holds what it seals: killed at any moment, it can be done again. No broker may run on the log. Throws
 * KeyIsRightError, unless it is forced, where the key in `file` is good; and a sentence for a log that holds no keys yet, or to which others add some.
 */
export async function replaceClusterKey(ports: KeyPorts, file: string, isForced: boolean): Promise<ReplacedKey> {
  const known = await readKeys<'authority.created'>(ports.log, AUTHORITY, 0);
  if (known.length === 0) throw new Error('No broker has run on this log yet: there is no key to replace.');
  // One that cannot be read, or that others may read, may well be why it is replaced.
  const before = await readClusterKey(file).catch(() => 'unusable' as const);
  if (!isForced && typeof before === 'object' && (await isRight(before, known))) {
    throw new KeyIsRightError(`The cluster key in ${file} opens the keys in this log.`);
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const key = await makeClusterKey(draft);
  const isAdded =
    (await isRight(key, await addAuthority({ ...ports, clusterKey: key }, known))) && (await addSigningKey({ ...ports, clusterKey: key }));
  if (!isAdded) throw new Error('A broker on this log has added keys at the same time: stop all of them, and try again.');
  const aside = before === undefined ? undefined : `${file}.replaced-${new Date(ports.clock.now()).toISOString().replaceAll(':', '')}`;
  if (aside !== undefined) await rename(file, aside);
  await rename(draft, file);
  await syncFolder(dirname(file));
  return { before: aside };
}

const isRight = async (key: ClusterKey, facts: readonly KeyFact<'authority.created'>[]): Promise<boolean> =>
  (await openAuthorities(key, facts)).at(-1) !== undefined;

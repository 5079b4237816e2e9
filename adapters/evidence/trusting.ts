/** What an audit trusts: published keys, and checkpoints that were kept. A checkpoint is worth nothing unless one of the keys has signed it. */
import type { KeyObject } from 'node:crypto';
import type { Trust } from './checkpoint-check.ts';
import { type Evidence, type KeptCheckpoint, publishedIn } from './published.ts';
import { importKey, judgeSignature, thumbprint } from './signatures.ts';

/** The keys and checkpoints of all these files. Throws a sentence for a file that is missing or cannot be trusted. */
export async function trustFiles(files: readonly string[]): Promise<Trust> {
  const keys = new Map<string, KeyObject>();
  const kept: KeptCheckpoint[] = [];
  for (const file of files) {
    const evidence = await publishedIn(file).read();
    if (evidence === undefined) throw new Error(`There is no file ${file}.`);
    const own = keysOf(evidence);
    if (own.size === 0) throw new Error(`${file} holds no public key.`);
    for (const [keyId, key] of own) keys.set(keyId, key);
    if (evidence.checkpoint === undefined) continue;
    if (!isSigned(evidence.checkpoint, own)) throw new Error(`The checkpoint in ${file} was not signed with any of the keys in it.`);
    kept.push(evidence.checkpoint);
  }
  return { keys, kept };
}

/** The same, and the checkpoint in a file whose keys are not trusted, if one that is has signed it. */
export async function withCheckpointIn(file: string, trust: Trust): Promise<Trust> {
  const checkpoint = (
    await publishedIn(file)
      .read()
      .catch(() => undefined)
  )?.checkpoint;
  const isKnown = checkpoint !== undefined && isSigned(checkpoint, trust.keys ?? new Map());
  return isKnown ? { ...trust, kept: [...trust.kept, checkpoint] } : trust;
}

const keysOf = ({ keys }: Evidence) => new Map(keys.map((jwk) => [thumbprint(jwk), importKey(jwk)]));

function isSigned({ jws }: KeptCheckpoint, keys: ReadonlyMap<string, KeyObject>): boolean {
  const [, payload = ''] = jws.split('.');
  return judgeSignature(jws, Buffer.from(payload, 'base64url').toString(), keys).verdict === 'good';
}

/**
 * The file that makes checkpoints worth something to others: the public keys they are signed with, and the newest checkpoint itself. Whoever keeps a copy
 * elsewhere can tell a log that was cut off, or made anew, from the one that it was.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { PUBLIC_MODE, replaceFile } from '../files.ts';
import { type Checkpoint, wholeJws } from './checkpoint.ts';
import { type CheckpointKey, type PublicJwk, publicJwk, thumbprint } from './signatures.ts';

/** In the data folder. */
export const EVIDENCE_FILE = 'evidence.json';

/** What the file says. */
export interface Evidence {
  readonly keys: readonly PublicJwk[];
  /** The newest checkpoint that was signed; absent: none yet. */
  readonly checkpoint?: KeptCheckpoint | undefined;
}

export interface KeptCheckpoint {
  readonly number: number;
  /** When it was signed: milliseconds since 1970 (UTC). */
  readonly time: number;
  readonly jws: string;
}

export interface Published {
  /** Undefined where there is no such file. Throws a sentence for one that cannot be read. */
  read(): Promise<Evidence | undefined>;
  /** Adds the key, and puts the checkpoint in the place of the one before. On disk when it resolves. */
  publish(key: CheckpointKey, checkpoint: Checkpoint | undefined): Promise<void>;
}

const payloadShape = z.object({ number: z.int().min(0), time: z.int() });
const fileShape = z.object({ keys: z.array(publicJwk), checkpoint: z.string().optional() });

export function publishedIn(file: string): Published {
  return {
    read: () => readEvidence(file),
    async publish(key, checkpoint) {
      const before = await readEvidence(file);
      const others = (before?.keys ?? []).filter((jwk) => thumbprint(jwk) !== key.keyId);
      const keys = [key.publicJwk, ...others].map((jwk) => ({ ...jwk, kid: thumbprint(jwk), alg: 'EdDSA', use: 'sig' }));
      const jws = checkpoint === undefined ? before?.checkpoint?.jws : wholeJws(checkpoint);
      await replaceFile(file, `${JSON.stringify({ keys, checkpoint: jws }, null, 2)}\n`, PUBLIC_MODE);
    },
  };
}

/** Also a key set (RFC 7517) that holds nothing else. Undefined where there is no such file; throws a sentence for one that cannot be read. */
async function readEvidence(file: string): Promise<Evidence | undefined> {
  try {
    const { keys, checkpoint } = fileShape.parse(JSON.parse(await readFile(file, 'utf8')));
    return { keys, checkpoint: checkpoint === undefined ? undefined : keptCheckpoint(checkpoint) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${file} holds no public keys of checkpoints that can be read.`, { cause });
  }
}

function keptCheckpoint(jws: string): KeptCheckpoint {
  const [, payload = ''] = jws.split('.');
  const { number, time } = payloadShape.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
  return { number, time, jws };
}

/**
 * The one secret that an operator carries from broker to broker: 32 random bytes, as base64 in a file. Every other key that brokers share is in the
 * log, sealed with it (JWE, direct encryption with AES-256 in Galois/Counter Mode), so a broker needs this file and the log and nothing else.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { PRIVATE_MODE, replaceFile } from '../files.ts';

export interface ClusterKey {
  /** Where it was read from, for messages. */
  readonly file: string;
  /** `purpose` goes with it in the clear, and cannot be changed. */
  seal(purpose: string, text: string): Promise<string>;
  /** Undefined for what was sealed with another key, or for another purpose. */
  open(purpose: string, sealed: string): Promise<string | undefined>;
  /** 32 bytes that every broker with this key has, others for each purpose. */
  derive(purpose: string): Buffer;
}

const KEY_BYTES = 32;

/** Undefined where there is no such file. Throws a sentence for one that others may read or that holds no key. */
export async function readClusterKey(file: string): Promise<ClusterKey | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`The cluster key ${file} cannot be read: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw new Error(`${file} holds the cluster key, but others may read it; run: chmod 600 ${file}`);
  const bytes = Buffer.from(text.trim(), 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text.trim()) {
    throw new Error(`${file} holds no cluster key: ${KEY_BYTES} bytes in base64, as \`openssl rand -base64 ${KEY_BYTES}\` gives them.`);
  }
  return clusterKey(file, bytes);
}

/** On disk when it resolves. Its folder must be there. */
export async function makeClusterKey(file: string): Promise<ClusterKey> {
  const bytes = randomBytes(KEY_BYTES);
  await replaceFile(file, `${bytes.toString('base64')}\n`, PRIVATE_MODE);
  return clusterKey(file, bytes);
}

function clusterKey(file: string, key: Buffer): ClusterKey {
  return {
    file,
    seal: (purpose, text) =>
      new CompactEncrypt(Buffer.from(text)).setProtectedHeader({ alg: 'dir', enc: 'A256GCM', cty: purpose }).encrypt(key),
    async open(purpose, sealed) {
      try {
        const algorithms = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
        const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, algorithms);
        return protectedHeader.cty === purpose ? Buffer.from(plaintext).toString() : undefined;
      } catch {
        // Another key, and a text that was tampered with, come to the same.
        return undefined;
      }
    },
    derive: (purpose) => Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `berth ${purpose}`, KEY_BYTES)),
  };
}

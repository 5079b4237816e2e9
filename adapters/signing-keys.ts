/** The keys that tokens are signed with: a JSON Web Key Set in a file that only the broker's user may read. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { PRIVATE_MODE, replaceFile } from './files.ts';

export interface SigningKeys {
  /** The one that signs. `kid` is a UUID. */
  readonly current: { readonly kid: string; readonly privateKey: KeyObject };
  /** The public key of this name; undefined for one that is not ours. */
  find(kid: string | undefined): KeyObject | undefined;
}

const MODULUS_BITS = 2048;

const rsaKey = z.looseObject({ kid: z.uuid(), kty: z.literal('RSA'), d: z.string() });
/** The first key signs; those behind it only verify. */
const keySet = z.object({ keys: z.tuple([rsaKey]).rest(rsaKey) });

/** Creates the file with one key where there is none. Throws a clear sentence for one that others may read or that holds no keys. */
export async function loadSigningKeys(file: string): Promise<SigningKeys> {
  return readKeys(file).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await createFile(file);
    return readKeys(file);
  });
}

async function readKeys(file: string): Promise<SigningKeys> {
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw new Error(`${file} holds signing keys, but others may read it; run: chmod 600 ${file}`);
  const text = await readFile(file, 'utf8');
  try {
    return importKeys(keySet.parse(JSON.parse(text)));
  } catch (error) {
    throw new Error(`${file} holds no signing keys that can be read`, { cause: error });
  }
}

function importKeys({ keys: [first, ...others] }: z.infer<typeof keySet>): SigningKeys {
  const load = (jwk: z.infer<typeof rsaKey>) => ({ kid: jwk.kid, privateKey: createPrivateKey({ key: jwk, format: 'jwk' }) });
  const current = load(first);
  const publicKeys = new Map([current, ...others.map(load)].map(({ kid, privateKey }) => [kid, createPublicKey(privateKey)]));
  return { current, find: (kid = '') => publicKeys.get(kid) };
}

async function createFile(file: string): Promise<void> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS });
  const key = { kid: randomUUID(), alg: 'RS256', use: 'sig', ...privateKey.export({ format: 'jwk' }) };
  await replaceFile(file, `${JSON.stringify({ keys: [key] }, null, 2)}\n`, PRIVATE_MODE);
}

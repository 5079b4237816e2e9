/** The keys that tokens are signed with: a JSON Web Key Set in a file that only the broker's user may read. */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

export interface SigningKeys {
  /** The newest, which signs. `kid` is a UUID. */
  readonly current: { readonly kid: string; readonly privateKey: CryptoKey };
  /** The public key of this name, undefined for one that is not ours. */
  find(kid: string | undefined): CryptoKey | undefined;
}

const ALGORITHM = 'RS256';
const MODULUS_BITS = 2048;

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
  try {
    return await importKeys(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} holds no signing keys that can be read`, { cause: error });
  }
}

async function importKeys({ keys }: { keys: JWK[] }): Promise<SigningKeys> {
  const publicKeys = new Map<string, CryptoKey>();
  for (const { kid = '', kty, n, e } of keys) publicKeys.set(kid, await importKey({ kty, n, e }));
  const [newest] = keys;
  return { current: { kid: newest?.kid ?? '', privateKey: await importKey(newest ?? {}) }, find: (kid = '') => publicKeys.get(kid) };
}

/** An RSA key comes back as a CryptoKey; bare bytes are for symmetric keys, which have no place in this file. */
async function importKey(jwk: object): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new Error('The key is symmetric');
  return key;
}

/** On disk in full or not at all; where another process was quicker, its file stays. */
async function createFile(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { modulusLength: MODULUS_BITS, extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: ALGORITHM, use: 'sig' };
  const draft = `${file}.${randomUUID()}`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    await handle.writeFile(`${JSON.stringify({ keys: [jwk] }, null, 2)}\n`);
    await handle.sync();
    await handle.close();
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
}

/** The operator's own certificate and key for a door of the broker, checked before anybody is met with it. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { StoreFile } from '../config.ts';
import { ConfigError } from '../settings/setting.ts';
import { readStoreFile, type StoreContent } from './store-file.ts';

export interface KeyStore {
  /** PEM. */
  readonly key: string;
  /** PEM: the server's certificate, then the others of the file. */
  readonly cert: string;
  readonly leaf: X509Certificate;
  /** PEM: what clients may be given to trust: the others of the file, or the certificate that vouches for itself. */
  readonly anchors: readonly string[];
}

/** `now`: milliseconds since 1970. Throws ConfigError with a sentence that names the setting. */
export async function readKeyStore(store: StoreFile, now: number): Promise<KeyStore> {
  const content = await readStoreFile(store);
  const { leaf, key } = pairIn(content, store);
  refuseExpired(leaf, store, now);
  const others = content.certificates.filter((each) => each.fingerprint256 !== leaf.fingerprint256).map(pem);
  const found = { key: key.export({ format: 'pem', type: 'pkcs8' }).toString(), cert: [pem(leaf), ...others].join('') };
  refuseUnusable(found, store);
  return { ...found, leaf, anchors: others.length === 0 && leaf.checkIssued(leaf) ? [pem(leaf)] : others };
}

const pem = (certificate: X509Certificate): string => certificate.toString();

function pairIn({ keys, certificates }: StoreContent, store: StoreFile): { readonly leaf: X509Certificate; readonly key: KeyObject } {
  const { file, fileFrom } = store;
  if (keys.length === 0) throw new ConfigError(`${fileFrom}: ${file} holds no private key; key and certificate have to be in one file.`);
  if (certificates.length === 0)
    throw new ConfigError(`${fileFrom}: ${file} holds no certificate; key and certificate have to be in one file.`);
  for (const key of keys.map((each) => privateKey(each, store))) {
    const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key));
    if (leaf !== undefined) return { leaf, key };
  }
  throw new ConfigError(`${fileFrom}: the private key in ${file} does not belong to the certificate there.`);
}

function privateKey(key: string, { file, fileFrom, password, passwordFrom }: StoreFile): KeyObject {
  try {
    return createPrivateKey({ key, passphrase: password });
  } catch (cause) {
    if (key.includes('ENCRYPTED')) throw new ConfigError(`${passwordFrom} is not the password of the private key in ${file}.`, { cause });
    throw new ConfigError(`${fileFrom}: the private key in ${file} cannot be read.`, { cause });
  }
}

function refuseExpired({ validFrom, validTo }: X509Certificate, { file, fileFrom }: StoreFile, now: number): void {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now >= to) throw new ConfigError(`${fileFrom}: the certificate in ${file} expired at ${new Date(to).toISOString()}.`);
  if (now < from) throw new ConfigError(`${fileFrom}: the certificate in ${file} is not valid before ${new Date(from).toISOString()}.`);
}

/** Keys can be too short for TLS, for example. */
function refuseUnusable(pair: { readonly key: string; readonly cert: string }, { file, fileFrom }: StoreFile): void {
  try {
    createSecureContext({ ...pair, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new ConfigError(`${fileFrom}: what is in ${file} is no good for TLS: ${(cause as Error).message}`, { cause });
  }
}

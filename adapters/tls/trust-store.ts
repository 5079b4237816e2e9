/** The operator's list of authorities whose certificates are accepted: PEM, or PKCS#12 as keytool writes it. */
import type { StoreFile } from '../config.ts';
import { ConfigError } from '../settings/setting.ts';
import { readStoreFile } from './store-file.ts';

/** PEM. Throws ConfigError with a sentence that names the setting. */
export async function readTrustStore(store: StoreFile): Promise<readonly string[]> {
  const { certificates } = await readStoreFile(store);
  if (certificates.length > 0) return certificates.map((certificate) => certificate.toString());
  throw new ConfigError(`${store.fileFrom}: ${store.file} holds no certificate.`);
}

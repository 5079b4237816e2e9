/** Reading the operator's files of keys and certificates, PEM or PKCS#12. What a file is follows from what is in it; its name does not matter. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { StoreFile } from '../config.ts';
import { ConfigError } from '../settings/setting.ts';

/** What is in the file, in its order. PEM: `keys` may be encrypted with the password. */
export interface StoreContent {
  readonly keys: readonly string[];
  readonly certificates: readonly X509Certificate[];
}

/** Keys and chains are a few KB; the trust store of a whole Java installation is 200 KB. */
const MAX_BYTES = 4 * 1024 * 1024;
const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const KEY = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[\s\S]+?-----END \1-----/g;
/** How Java's own formats begin: JKS, and JCEKS. */
const JAVA = ['feedfeed', 'cececece'];
/** A sequence in DER, as PKCS#12 is. */
const SEQUENCE = 0x30;

/** Throws ConfigError that names the setting. */
export async function readStoreFile(store: StoreFile): Promise<StoreContent> {
  const { file, fileFrom } = store;
  const bytes = await read(store);
  if (JAVA.includes(bytes.subarray(0, 4).toString('hex'))) throw new ConfigError(`${fileFrom}: ${file} ${toConvert(file)}`);
  const text = bytes.toString('latin1');
  if (text.includes('-----BEGIN ')) {
    const certificates = (text.match(CERTIFICATE) ?? []).map((pem) => certificate(pem, store));
    return { keys: text.match(KEY) ?? [], certificates };
  }
  if (bytes[0] !== SEQUENCE) throw new ConfigError(`${fileFrom}: ${file} is neither PEM nor PKCS#12.`);
  // Loaded only where there is such a file: it is large.
  const { readPkcs12 } = await import('./pkcs12.ts');
  const { keys, certificates } = readPkcs12(bytes, store);
  return { keys, certificates: certificates.map((der) => certificate(der, store)) };
}

/** As the tool that every Java has wants it. */
const toConvert = (file: string): string =>
  `is a key store in Java's own format, which Berth does not read. This makes one that it does: keytool -importkeystore -srckeystore '${file}' -destkeystore '${file}.p12' -deststoretype PKCS12`;

async function read({ file, fileFrom }: StoreFile): Promise<Buffer> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= MAX_BYTES) return bytes;
  } catch (cause) {
    throw new ConfigError(`${fileFrom}: ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new ConfigError(`${fileFrom}: ${file} is larger than ${MAX_BYTES} bytes, so it is something else.`);
}

function certificate(content: string | Buffer, { file, fileFrom }: StoreFile): X509Certificate {
  try {
    return new X509Certificate(content);
  } catch (cause) {
    throw new ConfigError(`${fileFrom}: ${file} holds a certificate that cannot be read.`, { cause });
  }
}

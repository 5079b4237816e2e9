/** PKCS#12, the format of `.p12` and `.pfx` files and of Java's key stores since Java 9, read with node-forge, which also knows the ciphers of older ones. */
import { createPrivateKey } from 'node:crypto';
import forge from 'node-forge';
import type { StoreFile } from '../config.ts';
import { ConfigError } from '../settings/setting.ts';

interface Pkcs12 {
  /** PEM, not encrypted any more. */
  readonly keys: readonly string[];
  /** DER. */
  readonly certificates: readonly Buffer[];
}

type Bag = forge.pkcs12.Bag;

/** Throws ConfigError that names the setting which is wrong, without the password. */
export function readPkcs12(bytes: Buffer, store: StoreFile): Pkcs12 {
  const bags = open(bytes, store).safeContents.flatMap(({ safeBags }) => safeBags);
  const of = (...types: readonly string[]): readonly Bag[] => bags.filter(({ type }) => types.includes(type));
  const { pkcs8ShroudedKeyBag, keyBag, certBag } = forge.pki.oids as Readonly<Record<string, string>>;
  return {
    keys: of(String(pkcs8ShroudedKeyBag), String(keyBag)).map(keyOf),
    certificates: of(String(certBag)).map(({ cert, asn1 }) => der(cert ? forge.pki.certificateToAsn1(cert) : asn1)),
  };
}

function open(bytes: Buffer, { file, fileFrom, password, passwordFrom }: StoreFile): forge.pkcs12.Pkcs12Pfx {
  try {
    return forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bytes.toString('latin1')), password);
  } catch (cause) {
    const { message } = cause as Error;
    if (message.includes('password')) throw new ConfigError(`${passwordFrom} is not the password of ${file}.`, { cause });
    throw new ConfigError(`${fileFrom}: ${file} cannot be read as PKCS#12: ${message}`, { cause });
  }
}

/** node-forge takes only RSA keys apart, and leaves all others as they are. */
function keyOf({ key, asn1 }: Bag): string {
  const pkcs8 = key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key)) : asn1;
  return createPrivateKey({ key: der(pkcs8), format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

const der = (asn1: forge.asn1.Asn1): Buffer => Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');

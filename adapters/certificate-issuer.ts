/** Makes X.509 certificates (ECDSA P-256, SHA-256) that OpenSSL, Python, Java and Node accept in their strict modes. */
import 'reflect-metadata';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A private key (PKCS #8) and the certificate of its public half, both PEM. */
export interface SigningPair {
  readonly key: string;
  readonly cert: string;
}

/** What a client may call the server by. DNS names in ASCII; addresses as text, IPv4 or IPv6 without a zone. */
export interface CertificateNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** Milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of clients may be behind ours. */
const CLOCK_SKEW_MS = 60 * 60_000;

/** A certificate that signs itself and may sign servers, not further authorities. */
export async function issueAuthority(validity: Validity): Promise<SigningPair> {
  const key = newKey();
  const keys = { privateKey: await importPrivate(key), publicKey: await importPublic(key) };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Part of the name, so that no client takes a new authority for the old one.
    name: `CN=Berth certificate authority ${fingerprint(key)}, O=Berth`,
    keys,
    signingAlgorithm: ALGORITHM,
    ...frame(validity),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key, cert: pem(certificate) };
}

/** A certificate for a TLS server that goes by `names`, signed by `authority`. */
export async function issueServer(authority: SigningPair, names: CertificateNames, validity: Validity): Promise<SigningPair> {
  const key = newKey();
  const publicKey = await importPublic(key);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=Berth broker, O=Berth',
    issuer: new x509.X509Certificate(authority.cert).subject,
    publicKey,
    signingKey: await importPrivate(authority.key),
    signingAlgorithm: ALGORITHM,
    ...frame(validity),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(await importPublic(authority.key)),
      new x509.SubjectAlternativeNameExtension([
        ...names.dnsNames.map((value) => ({ type: 'dns' as const, value })),
        ...names.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  return { key, cert: pem(certificate) };
}

function frame({ from, until }: Validity): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const serial = randomBytes(16);
  // A serial number is positive and has no leading zeros in DER: the first byte lies between 0x40 and 0x7f.
  serial.writeUInt8((serial.readUInt8() & 0x3f) | 0x40);
  return { serialNumber: serial.toString('hex'), notBefore: new Date(from - CLOCK_SKEW_MS), notAfter: new Date(until) };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function importPrivate(key: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
}

function importPublic(key: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('spki', publicDer(key), ALGORITHM, true, ['verify']);
}

function publicDer(key: string): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}

function fingerprint(key: string): string {
  return createHash('sha256').update(publicDer(key)).digest('hex').slice(0, 8);
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

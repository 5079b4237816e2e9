/**
 * The certificate of this broker's doors, signed by the authority that all brokers on the log share, and the authority's own certificate as a file for
 * those who are to trust it (`ca.pem`). Renewed at a start, before it expires or when the server goes by a new name.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateNames, SigningPair } from './certificate-issuer.ts';
import { PRIVATE_MODE, PUBLIC_MODE, replaceFile } from './files.ts';

export interface Certificates {
  /** The path of the authority's certificate: what clients give to `--cacert`. */
  readonly caFile: string;
  /** PEM, the server's private key and certificate. */
  readonly key: string;
  readonly cert: string;
}

export interface CertificateWish {
  readonly authority: SigningPair;
  readonly names: CertificateNames;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** What expires sooner than this is made anew. */
const RENEWAL_MS = 30 * DAY_MS;
export const SERVER_LIFETIME_MS = 365 * DAY_MS;

/** Gives the certificates in `folder`, making what is missing, damaged, about to expire, of another authority, or does not cover the names. */
export async function ensureCertificates(folder: string, wish: CertificateWish): Promise<Certificates> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { authority, names, now } = wish;
  const caFile = join(folder, 'ca.pem');
  const told = await readFile(caFile, 'utf8').catch(() => undefined);
  if (told !== authority.cert) await replaceFile(caFile, authority.cert, PUBLIC_MODE);
  const present = await readPair(folder, 'server', now);
  const server = present && serves(present, authority, names) ? present : await makeServer(folder, wish);
  return { caFile, key: server.key, cert: server.cert };
}

/** `<name>.key` and `<name>.pem` in `folder`; undefined unless both files are there, belong together and stay valid long enough. */
export async function readPair(folder: string, name: string, now: number): Promise<SigningPair | undefined> {
  try {
    const cert = await readFile(join(folder, `${name}.pem`), 'utf8');
    const key = await readFile(join(folder, `${name}.key`), 'utf8');
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) && !expiresSoon(cert, now) ? { key, cert } : undefined;
  } catch {
    // Missing or unreadable as PEM comes to the same: it has to be made.
    return undefined;
  }
}

/** Whether it is time for a new one. `cert`: PEM. */
export const expiresSoon = (cert: string, now: number): boolean => expiry(cert) - now <= RENEWAL_MS;

/** A name that is no longer wanted does no harm, so only a missing one counts. */
function serves(server: SigningPair, authority: SigningPair, { dnsNames, ipAddresses }: CertificateNames): boolean {
  const certificate = new X509Certificate(server.cert);
  return (
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
    ipAddresses.every((address) => certificate.checkIP(address) !== undefined)
  );
}

/** The key goes first: a certificate without its key is noticed, and both are made again. */
async function makeServer(folder: string, { authority, names, now }: CertificateWish): Promise<SigningPair> {
  // Loaded only when something has to be made: it takes half a second, and most starts do not need it.
  const { issueServer } = await import('./certificate-issuer.ts');
  const until = Math.min(now + SERVER_LIFETIME_MS, expiry(authority.cert));
  const pair = await issueServer(authority, names, { from: now, until });
  await replaceFile(join(folder, 'server.key'), pair.key, PRIVATE_MODE);
  await replaceFile(join(folder, 'server.pem'), pair.cert, PUBLIC_MODE);
  return pair;
}

function expiry(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/**
 * The broker's own certificates: an authority that clients and agents are told to trust (`ca.pem`), and a certificate for the server,
 * signed by it. Made on the first start and renewed at a start, before they expire or when the server goes by a new name.
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

const DAY_MS = 24 * 60 * 60_000;
/** What expires sooner than this is made anew. */
const RENEWAL_MS = 30 * DAY_MS;
export const AUTHORITY_LIFETIME_MS = 10 * 365 * DAY_MS;
export const SERVER_LIFETIME_MS = 365 * DAY_MS;

/** Gives the certificates in `folder`, making what is missing, damaged, about to expire or does not cover `names`. `now`: ms since 1970. */
export async function ensureCertificates(folder: string, names: CertificateNames, now: number): Promise<Certificates> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const caFile = join(folder, 'ca.pem');
  const authority = (await usablePair(folder, 'ca', now)) ?? (await makeAuthority(folder, now));
  const present = await usablePair(folder, 'server', now);
  const server = present && serves(present, authority, names) ? present : await makeServer(folder, authority, { names, now });
  return { caFile, key: server.key, cert: server.cert };
}

/** Undefined unless both files are there, belong together and stay valid long enough. */
async function usablePair(folder: string, name: string, now: number): Promise<SigningPair | undefined> {
  try {
    const cert = await readFile(join(folder, `${name}.pem`), 'utf8');
    const key = await readFile(join(folder, `${name}.key`), 'utf8');
    const parsed = new X509Certificate(cert);
    return parsed.checkPrivateKey(createPrivateKey(key)) && expiry(cert) - now > RENEWAL_MS ? { key, cert } : undefined;
  } catch {
    // Missing or unreadable as PEM comes to the same: it has to be made.
    return undefined;
  }
}

/** A name that is no longer wanted does no harm, so only a missing one counts. */
function serves(server: SigningPair, authority: SigningPair, { dnsNames, ipAddresses }: CertificateNames): boolean {
  const certificate = new X509Certificate(server.cert);
  return (
    certificate.verify(new X509Certificate(authority.cert).publicKey) &&
    dnsNames.every((name) => certificate.checkHost(name) !== undefined) &&
    ipAddresses.every((address) => certificate.checkIP(address) !== undefined)
  );
}

async function makeAuthority(folder: string, now: number): Promise<SigningPair> {
  const { issueAuthority } = await issuer();
  return store(folder, 'ca', await issueAuthority({ from: now, until: now + AUTHORITY_LIFETIME_MS }));
}

async function makeServer(folder: string, authority: SigningPair, wish: { names: CertificateNames; now: number }): Promise<SigningPair> {
  const { issueServer } = await issuer();
  const until = Math.min(wish.now + SERVER_LIFETIME_MS, expiry(authority.cert));
  return store(folder, 'server', await issueServer(authority, wish.names, { from: wish.now, until }));
}

/** The key goes first: a certificate without its key is noticed, and both are made again. */
async function store(folder: string, name: string, pair: SigningPair): Promise<SigningPair> {
  await replaceFile(join(folder, `${name}.key`), pair.key, PRIVATE_MODE);
  await replaceFile(join(folder, `${name}.pem`), pair.cert, PUBLIC_MODE);
  return pair;
}

function expiry(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

/** Loaded only when something has to be made: it takes half a second, and most starts do not need it. */
function issuer(): Promise<typeof import('./certificate-issuer.ts')> {
  return import('./certificate-issuer.ts');
}

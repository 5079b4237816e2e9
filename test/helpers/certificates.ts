/** Certificates for servers that tests run. The authority stays in the folder, so that a server that is started there again is trusted as before. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import forge from 'node-forge';
import { type CertificateNames, issueAuthority, type SigningPair } from '../../adapters/certificate-issuer.ts';
import { type Certificates, ensureCertificates, readPair } from '../../adapters/certificates.ts';

const DAY_MS = 24 * 60 * 60_000;
const YEAR_MS = 365 * DAY_MS;
const LOCAL: CertificateNames = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };

export async function certificatesIn(folder: string, names = LOCAL): Promise<Certificates> {
  const now = Date.now();
  const authority = (await readPair(folder, 'ca', now)) ?? (await newAuthority());
  const certificates = await ensureCertificates(folder, { authority, names, now });
  await writeFile(join(folder, 'ca.key'), authority.key);
  return certificates;
}

export function newAuthority(from = Date.now(), lifetimeMs = 10 * YEAR_MS): Promise<SigningPair> {
  return issueAuthority({ from, until: from + lifetimeMs });
}

/** For a client: ours are for servers only. */
export function selfSigned(value: string): SigningPair {
  const pair = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = pair.publicKey;
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
  certificate.setSubject([{ name: 'commonName', value }]);
  certificate.setIssuer([{ name: 'commonName', value }]);
  certificate.sign(pair.privateKey, forge.md.sha256.create());
  return { key: forge.pki.privateKeyToPem(pair.privateKey), cert: forge.pki.certificateToPem(certificate) };
}

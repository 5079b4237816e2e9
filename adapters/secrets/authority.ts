/**
 * The certificate authority of all brokers on a log: facts of the stream `certificate-authority`, sealed. Each broker signs the certificate of its own
 * doors with it, so whoever trusts the one authority trusts every broker.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type StreamName, streamName } from '../../domain/ids.ts';
import type { SigningPair } from '../certificate-issuer.ts';
import { expiresSoon } from '../certificates.ts';
import type { Logger } from '../logging.ts';
import type { ClusterKey } from './cluster-key.ts';
import { addKeys, type KeyFact, type KeyPorts, readKeys, wrongClusterKey } from './key-stream.ts';

export interface Authority extends SigningPair {
  /** PEM: its own certificate, and those of former authorities that may still be met. */
  readonly trusted: readonly string[];
}

export interface AuthorityPorts extends KeyPorts {
  readonly clusterKey: ClusterKey;
  readonly logger: Logger;
}

export const AUTHORITY: StreamName = streamName('certificate', 'authority');
const LIFETIME_MS = 10 * 365 * 24 * 60 * 60_000;

/**
 * A log without an authority gets what `former` gives, or a new one, and one with an authority that expires soon gets a new one. Throws a sentence for the
 * operator where the cluster key is not the right one.
 */
export async function openAuthority(ports: AuthorityPorts, former: () => Promise<SigningPair | undefined>): Promise<Authority> {
  const now = ports.clock.now();
  let facts = await readKeys<'authority.created'>(ports.log, AUTHORITY, 0);
  const newest = facts.at(-1);
  if (newest === undefined) facts = await add(ports, facts, (await former()) ?? (await issue(now)));
  else if (expiresSoon(newest.data.certificate, now)) facts = await addAuthority(ports, facts);
  const opened = await openAuthorities(ports.clusterKey, facts);
  const pairs = opened.filter((pair) => pair !== undefined);
  const current = pairs.at(-1);
  if (current === undefined) throw wrongClusterKey(ports.clusterKey);
  // Those before the first that opens are of a cluster key that was replaced; nobody who has the right one leaves others behind it.
  const strange = opened.slice(opened.findIndex((pair) => pair !== undefined)).filter((pair) => pair === undefined).length;
  if (strange > 0)
    ports.logger.error({ strange }, 'Certificate authorities in the log cannot be opened with the cluster key, and are not trusted.');
  return { ...current, trusted: pairs.map(({ cert }) => cert) };
}

/** In the order of the facts; undefined for one that the key does not open. */
export const openAuthorities = (clusterKey: ClusterKey, facts: readonly KeyFact<'authority.created'>[]) =>
  Promise.all(facts.map((fact) => openPair(clusterKey, fact)));

/** Makes a new one behind those that are known. Gives all of them. */
export const addAuthority = async (ports: Adding, known: readonly KeyFact<'authority.created'>[]) =>
  add(ports, known, await issue(ports.clock.now()));

type Adding = KeyPorts & Pick<AuthorityPorts, 'clusterKey'>;

async function issue(now: number): Promise<SigningPair> {
  // Loaded only when something has to be made: it takes half a second, and most starts do not need it.
  const { issueAuthority } = await import('../certificate-issuer.ts');
  return issueAuthority({ from: now, until: now + LIFETIME_MS });
}

async function add(ports: Adding, known: readonly KeyFact<'authority.created'>[], { cert, key }: SigningPair) {
  const data = { certificate: cert, sealedPrivateKey: await ports.clusterKey.seal(PURPOSE, key) };
  return addKeys(ports, AUTHORITY, known, [{ type: 'authority.created', data }]);
}

/** Undefined for a certificate whose private key is not sealed beside it: somebody without the cluster key put it there. */
async function openPair(clusterKey: ClusterKey, { data }: KeyFact<'authority.created'>): Promise<SigningPair | undefined> {
  const { certificate: cert, sealedPrivateKey } = data;
  const key = await clusterKey.open(PURPOSE, sealedPrivateKey);
  return key !== undefined && new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)) ? { key, cert } : undefined;
}

const PURPOSE = 'certificate authority';

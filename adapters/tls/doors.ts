/** With which certificate each door of the broker meets its callers: the operator's, or one of the broker's own authority. Both change while the broker runs. */
import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../domain/ports/clock.ts';
import type { CertificateNames, SigningPair } from '../certificate-issuer.ts';
import { type Certificates, ensureCertificates } from '../certificates.ts';
import type { BrokerConfig, Door, GatewayDoor, StoreFile } from '../config.ts';
import { PUBLIC_MODE, replaceFile } from '../files.ts';
import type { Logger } from '../logging.ts';
import { type Kept, keep } from './kept.ts';
import { readKeyStore } from './key-store.ts';
import { readTrustStore } from './trust-store.ts';

/** What a server needs for TLS. PEM. */
export interface ServerKeys {
  readonly key: string;
  readonly cert: string;
  /** Callers have to show a certificate that one of these has signed; absent: they need none. */
  readonly clientAuthorities?: readonly string[];
}

export interface DoorKeys {
  /** The path of what local clients and agents trust: the broker's authority, and what is in the operator's files. */
  readonly caFile: string;
  readonly clients: Kept<ServerKeys>;
  readonly agents: Kept<ServerKeys>;
  readonly gateways: Kept<ServerKeys> | undefined;
  /** PEM: who has signed the operator's certificate of the door for agents, as far as its file says. */
  readonly agentAnchors: readonly string[];
  /** Looks at all of them now. What cannot be read is told, whether or not it has been told before. */
  reload(): Promise<void>;
  stop(): void;
}

export interface DoorKeyPorts {
  /** Where certificates of the broker's own are kept. */
  readonly folder: string;
  readonly authority: SigningPair;
  readonly names: CertificateNames;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** How often files of the operator are looked at. Default: 10 s. */
  readonly lookMs?: number;
}

const LOOK_MS = 10_000;
/** The own certificate is made anew a month before it expires, so this may take its time. */
const RENEWAL_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** From then on the operator hears every day that a certificate expires. */
const WARNING_MS = 21 * DAY_MS;

type Doors = Pick<BrokerConfig, 'clients' | 'agents' | 'gateways'>;

/** Throws ConfigError for a file that is no good. */
export async function openDoorKeys(ports: DoorKeyPorts, { clients, agents, gateways }: Doors): Promise<DoorKeys> {
  const { folder, authority, names, clock, lookMs = LOOK_MS } = ports;
  const readOwn = (): Promise<Certificates> => ensureCertificates(folder, { authority, names, now: clock.now() });
  const own = await keepKeys(ports, 'The certificate of the broker', RENEWAL_MS, readOwn);
  const kept: Kept<ServerKeys>[] = [own];

  async function keysOf(door: Door & Partial<GatewayDoor>, name: string): Promise<Kept<ServerKeys & Anchored>> {
    if (door.keyStore === undefined && door.trustStore === undefined) return own;
    const warn = createExpiryWarning(ports, name);
    const keys = await keepKeys(ports, `The certificate for ${name}`, lookMs, () => readDoor(door, own, clock.now(), warn));
    kept.push(keys);
    return keys;
  }

  const doors = {
    agents: await keysOf(agents, 'agents'),
    clients: await keysOf(clients, 'clients'),
    gateways: gateways && (await keysOf(gateways, 'gateways')),
  };
  const anchors = new Set([doors.agents, doors.clients].flatMap((keys) => keys.current().anchors ?? []));
  return {
    ...doors,
    caFile: anchors.size === 0 ? own.current().caFile : await writeTrusted(folder, [authority.cert, ...anchors]),
    agentAnchors: doors.agents.current().anchors ?? [],
    async reload() {
      await Promise.all(kept.map((each) => each.reread()));
      ports.logger.info({}, 'The certificates were read again.');
    },
    stop: () => {
      for (const each of kept) each.stop();
    },
  };
}

interface Anchored {
  readonly anchors?: readonly string[];
}

async function keepKeys<T>({ clock, logger }: DoorKeyPorts, what: string, everyMs: number, read: () => Promise<T>): Promise<Kept<T>> {
  const failed = (err: Error) => logger.warn({ err }, `${what} cannot be renewed; the one before goes on being used.`);
  const keys = await keep({ read, everyMs, clock, failed });
  keys.follow(() => logger.info({}, `${what} was renewed.`));
  return keys;
}

async function readDoor(
  { keyStore, trustStore }: Door & Partial<GatewayDoor>,
  own: Kept<Certificates>,
  now: number,
  warn: (leaf: X509Certificate, now: number) => void,
): Promise<ServerKeys & Anchored> {
  const clientAuthorities = trustStore && (await readTrustStore(trustStore));
  const asked = clientAuthorities && { clientAuthorities };
  if (keyStore === undefined) return { key: own.current().key, cert: own.current().cert, ...asked };
  const { key, cert, leaf, anchors } = await readKeyStore(keyStore, now);
  warn(leaf, now);
  return { key, cert, anchors, ...asked };
}

/** Says once a day that a certificate of the operator's is about to expire. */
function createExpiryWarning({ logger }: DoorKeyPorts, name: string): (leaf: X509Certificate, now: number) => void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return ({ validTo }, now) => {
    const expires = Date.parse(validTo);
    if (expires - now > WARNING_MS || now - warnedAt < DAY_MS) return;
    warnedAt = now;
    logger.warn({ expires: new Date(expires).toISOString() }, `The certificate for ${name} expires soon; put a new one into its file.`);
  };
}

async function writeTrusted(folder: string, certificates: readonly string[]): Promise<string> {
  const file = join(folder, 'trusted.pem');
  await replaceFile(file, certificates.join(''), PUBLIC_MODE);
  return file;
}

/** Opens the files of the operator as a start would, for whoever wants to know beforehand. Throws ConfigError. */
export async function tryKeyFiles({ clients, agents, gateways }: Doors, now: number): Promise<void> {
  const stores: readonly (StoreFile | undefined)[] = [clients.keyStore, agents.keyStore, gateways?.keyStore];
  for (const store of stores) if (store !== undefined) await readKeyStore(store, now);
  if (gateways?.trustStore !== undefined) await readTrustStore(gateways.trustStore);
}

/**
 * The other brokers on the log, as this one talks to them: telemetry in batches, and requests for pictures. Nothing of it is ever needed to know what is
 * true; a broker that is away costs freshness and nothing else.
 */
import type { ServerId } from '../../domain/ids.ts';
import type { Order, Telemetry } from '../../domain/ports/agent-link.ts';
import type { Clock, Timer } from '../../domain/ports/clock.ts';
import type { Logger } from '../logging.ts';
import type { TokenIssuer } from '../tokens.ts';
import { contestSchema, holdsSchema, MAX_TELEMETRY, type Pictures, picturesSchema } from '../wire/brokers.ts';
import { createPeerHttp } from './peer-http.ts';

export interface Peer {
  readonly id: string;
  /** Of its port for agents and brokers, without a path: `https://10.0.0.4:8445`. */
  readonly url: string;
}

/** Who is there, as far as this broker knows. */
export interface PeerDirectory {
  others(): readonly Peer[];
  /** Undefined: it has left. */
  find(id: string): Peer | undefined;
}

export interface Peers {
  /** The others hear it with the next batch, within a second; of each server only what came last. */
  telemetry(serverId: ServerId, telemetry: Telemetry): void;
  /** Asks the broker that the server's agent is connected to. Never rejects, and takes 15 s at most. */
  screenshot(brokerId: string, serverId: ServerId, order: PictureOrder): Promise<Pictures>;
  /** The ids of the locks that the process of this broker holds. Rejects when it does not say within 2 s. */
  holds(brokerId: string): Promise<readonly string[]>;
  /** Whether another process of an agent than `run` is connected to that broker as this server. Never rejects; false when there is no answer in 2 s. */
  contested(brokerId: string, serverId: ServerId, run: string): Promise<boolean>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

export type PictureOrder = Order & { readonly kind: 'take-screenshot' };

export interface PeersDeps {
  /** This broker. */
  readonly id: string;
  readonly directory: PeerDirectory;
  readonly tokens: TokenIssuer;
  /** PEM: the authorities that sign the brokers' certificates. */
  readonly ca: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

const BATCH_MS = 1000;
/** How long a broker that is alive may take to say so. */
const SIGN_MS = 2000;
/** As many as agents may be connected to one broker. */
const MAX_WAITING = 20_000;
/** Pictures that are waited for at the same time. */
const MAX_PICTURES = 100;

export function createPeers({ directory, clock, logger, ...deps }: PeersDeps): Peers {
  const http = createPeerHttp({ ...deps, clock });
  /** Connections of their own: a sign of life must not wait behind pictures. */
  const signs = createPeerHttp({ ...deps, clock });
  /** What came since the last batch. */
  let waiting = new Map<ServerId, Telemetry>();
  let timer: Timer | undefined;
  const busy = new Set<string>();
  const away = new Set<string>();
  let pictures = 0;

  function send(): void {
    timer = undefined;
    const batch = [...waiting].map(([serverId, telemetry]) => ({ serverId, telemetry }));
    waiting = new Map();
    // Who is still busy with the last batch hears of this one's servers when they report again.
    for (const peer of directory.others()) if (!busy.has(peer.id)) void tell(peer, batch);
  }

  async function tell(peer: Peer, batch: readonly object[]): Promise<void> {
    busy.add(peer.id);
    try {
      for (let first = 0; first < batch.length; first += MAX_TELEMETRY) {
        await http.post(peer, '/brokers/telemetry', { telemetry: batch.slice(first, first + MAX_TELEMETRY) });
      }
      if (away.delete(peer.id)) logger.info({ broker: peer.id, url: peer.url }, 'Another broker hears this one again.');
    } catch (error) {
      lost(peer, error);
    } finally {
      busy.delete(peer.id);
    }
  }

  /** Said once for each time that it is away. */
  function lost({ id, url }: Peer, err: unknown): void {
    if (!away.has(id)) logger.warn({ broker: id, url, err }, 'Another broker does not hear this one; it goes without fresh telemetry.');
    away.add(id);
  }

  async function ask(peer: Peer, body: object): Promise<Pictures> {
    try {
      return picturesSchema.parse(await http.post(peer, '/brokers/screenshots', body));
    } catch (err) {
      logger.warn({ broker: peer.id, url: peer.url, err }, 'Another broker gave no pictures.');
      return { rejected: 'The broker that the agent of the server is connected to does not answer' };
    }
  }

  return {
    telemetry(serverId, telemetry) {
      if (waiting.size < MAX_WAITING || waiting.has(serverId)) waiting.set(serverId, telemetry);
      timer ??= clock.after(BATCH_MS, send);
    },
    async screenshot(brokerId, serverId, order) {
      const peer = directory.find(brokerId);
      if (peer === undefined) return { rejected: 'The agent of the server is not connected' };
      if (pictures >= MAX_PICTURES) return { rejected: 'Too many screenshots are being taken at the moment' };
      pictures += 1;
      const answer = await ask(peer, { serverId, order });
      pictures -= 1;
      return answer;
    },
    async holds(brokerId) {
      const peer = directory.find(brokerId);
      if (peer === undefined) throw new Error(`Nobody knows where the broker ${brokerId} is.`);
      const { broker, holds } = holdsSchema.parse(await signs.post(peer, '/brokers/holds', {}, SIGN_MS));
      if (broker !== brokerId) throw new Error(`Where the broker ${brokerId} was there is ${broker} now.`);
      return holds;
    },
    async contested(brokerId, serverId, run) {
      const peer = directory.find(brokerId);
      // Its agents are on their way to the others, and none of them ought to wait for it.
      if (peer === undefined || away.has(brokerId)) return false;
      const asked = http.post(peer, '/brokers/contested', { serverId, run }, SIGN_MS);
      return asked.then((said) => contestSchema.parse(said).contested).catch(() => false);
    },
    async close() {
      timer?.cancel();
      await Promise.all([http.close(), signs.close()]);
    },
  };
}

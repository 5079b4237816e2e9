/** Brokers as others on the log see them: the doors that they have for each other, over real HTTPS, and nothing behind. */
import type { Test } from 'tap';
import { type Certificates, ensureCertificates } from '../../adapters/certificates.ts';
import type { Peer } from '../../adapters/cluster/peers.ts';
import { createBrokerApi } from '../../adapters/http/broker-api.ts';
import { serveHttps } from '../../adapters/http/serve.ts';
import { createTokens, type Tokens } from '../../adapters/tokens.ts';
import type { Pictures } from '../../adapters/wire/brokers.ts';
import type { ServerId } from '../../domain/ids.ts';
import type { AgentLink, Telemetry } from '../../domain/ports/agent-link.ts';
import { newAuthority } from './certificates.ts';
import { newSigningKeys } from './signing-keys.ts';
import { createSimulatedClock, type SimulatedClock } from './simulated-clock.ts';

/** What all brokers on a log share. */
export interface Cluster {
  readonly clock: SimulatedClock;
  readonly tokens: Tokens;
  readonly ca: string;
  readonly certificates: Certificates;
}

export async function newCluster(t: Test): Promise<Cluster> {
  const authority = await newAuthority();
  const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const certificates = await ensureCertificates(t.testdir(), { authority, names, now: Date.now() });
  return { clock: createSimulatedClock(), tokens: createTokens(newSigningKeys()), ca: authority.cert, certificates };
}

export interface TestPeer extends Peer {
  /** How many servers were in each post. */
  readonly posts: number[];
  readonly telemetry: Map<ServerId, Telemetry>;
  readonly asked: { readonly serverId: ServerId; readonly orderId: string }[];
  readonly failures: unknown[];
  /** What is answered to a request for pictures. */
  answer(pictures: () => Promise<Pictures>): void;
  /** The ids of the locks that it holds. */
  readonly holds: string[];
  stop(): Promise<void>;
}

export async function startPeer(t: Test, { clock, tokens, certificates }: Cluster, id: string, port = 0): Promise<TestPeer> {
  const posts: number[] = [];
  const telemetry = new Map<ServerId, Telemetry>();
  const asked: { serverId: ServerId; orderId: string }[] = [];
  const failures: unknown[] = [];
  const holds: string[] = [];
  let pictures = async (): Promise<Pictures> => ({ rejected: 'There is no screen.' });
  const screenshot: AgentLink['screenshot'] = (serverId, { orderId }) => {
    asked.push({ serverId, orderId });
    return pictures();
  };
  const app = createBrokerApi({
    verifyBrokerToken: async (token) => 'valid' in (await tokens.verifyAccessToken(token, 'broker', clock.now())),
    telemetry(batch) {
      posts.push(batch.length);
      for (const each of batch) telemetry.set(each.serverId, each.telemetry);
    },
    self: id,
    holds: () => holds,
    link: { screenshot, contested: () => false },
    failed: (error) => failures.push(error),
  });
  const serving = await serveHttps(app, { host: '127.0.0.1', port, ...certificates, limits: { closeTimeoutMs: 50 } });
  t.teardown(serving.close);
  return {
    id,
    url: `https://127.0.0.1:${serving.port}`,
    posts,
    telemetry,
    asked,
    failures,
    holds,
    answer(next) {
      pictures = next;
    },
    stop: serving.close,
  };
}

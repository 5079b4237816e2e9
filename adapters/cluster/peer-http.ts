/** HTTPS to other brokers: they are known by the authority that all of them share, and know this one by its token. */
import { Agent, request } from 'undici';
import type { Clock } from '../../domain/ports/clock.ts';
import type { TokenIssuer } from '../tokens.ts';
import { BROKER_BODY_LIMITS } from '../wire/brokers.ts';

export interface PeerHttp {
  /** The body of the answer. Rejects when there is none within bounded time, by default 15 s, or another status than 200. */
  post(peer: { readonly url: string }, path: string, body: object, patienceMs?: number): Promise<unknown>;
  close(): Promise<void>;
}

export interface PeerHttpDeps {
  /** This broker. */
  readonly id: string;
  readonly tokens: TokenIssuer;
  readonly ca: readonly string[];
  readonly clock: Clock;
}

const CONNECT_TIMEOUT_MS = 2000;
/** Longer than a broker waits for the pictures of a host. */
const ANSWER_TIMEOUT_MS = 12_000;
/** For all that may take time together, the wait for a connection included. */
const PATIENCE_MS = 15_000;
const CONNECTIONS = 16;
const TOKEN_SECONDS = 300;

export function createPeerHttp({ id, tokens, ca, clock }: PeerHttpDeps): PeerHttp {
  const dispatcher = new Agent({
    connect: { ca: [...ca], timeout: CONNECT_TIMEOUT_MS },
    connections: CONNECTIONS,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
    maxResponseSize: BROKER_BODY_LIMITS.pictures,
  });
  let token = { text: '', renewAt: 0 };

  /** Renewed in the middle of its life, so that clocks may differ a little. */
  async function authorization(): Promise<string> {
    const now = clock.now();
    if (now >= token.renewAt) {
      const text = await tokens.issueAccessToken({ clientId: id, audience: 'broker', lifetimeSeconds: TOKEN_SECONDS }, now);
      token = { text, renewAt: now + (TOKEN_SECONDS / 2) * 1000 };
    }
    return `Bearer ${token.text}`;
  }

  return {
    async post({ url }, path, body, patienceMs = PATIENCE_MS) {
      const headers = { 'content-type': 'application/json', authorization: await authorization() };
      const signal = AbortSignal.timeout(patienceMs);
      const options = { method: 'POST', headers, body: JSON.stringify(body), dispatcher, signal } as const;
      const answer = await request(`${url}${path}`, options);
      if (answer.statusCode === 200) return answer.body.json();
      throw new Error(`The broker at ${url} answered with status ${answer.statusCode}: ${(await answer.body.text()).slice(0, 200)}`);
    },
    close: () => dispatcher.destroy(),
  };
}

/**
 * What EC2 says about the instance that this is (instance metadata, version 2: a token first, then the questions). Elsewhere nobody answers, which
 * is found out once, in a second or two at the start, and looked at again less and less often, behind everybody's back.
 */
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Clock } from '../../domain/ports/clock.ts';

export interface Instance {
  readonly region: string;
  readonly instanceType: string;
  readonly instanceId: string;
  readonly imageId: string;
  /** Its private DNS name. */
  readonly localHostname?: string | undefined;
}

export interface InstanceMetadata {
  /** Undefined off EC2, and while EC2 does not answer. The first call waits for the answer, for two seconds at most; later ones do not wait. Never rejects. */
  instance(): Promise<Instance | undefined>;
}

export const METADATA_URL = 'http://169.254.169.254';

/** It is one hop away. */
const CONNECT_TIMEOUT_MS = 1000;
const PATIENCE_MS = 2000;
const MAX_BYTES = 64 * 1024;
/** Of the token, which is used at once. */
const TOKEN_SECONDS = 60;
/** Until it is tried again, twice as long each time: an instance that is just starting may be faster than its network. */
const RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;

const documentSchema = z.object({
  region: z.string().min(1),
  instanceType: z.string().min(1),
  instanceId: z.string().min(1),
  imageId: z.string().catch(''),
});

export function createInstanceMetadata(url: string, clock: Clock): InstanceMetadata {
  let known: Instance | undefined;
  let asking: Promise<void> | undefined;
  let pauseMs = RETRY_MS;
  let isPaused = false;
  let hasAnswered = false;

  async function ask(): Promise<void> {
    known = await askInstance(url).catch(() => undefined);
    asking = undefined;
    hasAnswered = true;
    if (known !== undefined) return;
    isPaused = true;
    clock.after(pauseMs, () => {
      isPaused = false;
    });
    pauseMs = Math.min(LONGEST_RETRY_MS, 2 * pauseMs);
  }

  return {
    async instance() {
      if (known !== undefined || isPaused) return known;
      asking ??= ask();
      if (!hasAnswered) await asking;
      return known;
    },
  };
}

/** Through a client of its own, so that no proxy and no setting of another's applies. Rejects where this is no instance. */
async function askInstance(url: string): Promise<Instance> {
  const dispatcher = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS }, maxResponseSize: MAX_BYTES });
  const signal = AbortSignal.timeout(PATIENCE_MS);

  async function say(method: 'GET' | 'PUT', path: string, headers: Record<string, string>): Promise<string> {
    const { statusCode, body } = await request(`${url}/latest${path}`, { method, headers, dispatcher, signal });
    const said = await body.text();
    if (statusCode !== 200) throw new Error(`${path}: status ${statusCode}`);
    return said;
  }

  try {
    const token = await say('PUT', '/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': String(TOKEN_SECONDS) });
    const headers = { 'x-aws-ec2-metadata-token': token };
    const [document, name] = await Promise.all([
      say('GET', '/dynamic/instance-identity/document', headers),
      say('GET', '/meta-data/local-hostname', headers).catch(() => ''),
    ]);
    // In a network with a search list of its own there can be several.
    return { ...documentSchema.parse(JSON.parse(document)), localHostname: name.trim().split(/\s/)[0] || undefined };
  } finally {
    await dispatcher.destroy();
  }
}

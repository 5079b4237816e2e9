/**
 * The keys that tokens are signed with: facts of the stream `signing-keys`, sealed. The newest one signs, all of them verify, and a key that another
 * broker adds is known here as soon as its fact is, so a token that any broker gave out is good at every other.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { Origin } from '../../domain/facts.ts';
import { type StreamName, streamName } from '../../domain/ids.ts';
import type { KeyEvent } from '../../domain/keys/events.ts';
import type { Logger } from '../logging.ts';
import type { ClusterKey } from './cluster-key.ts';
import { addKeys, type KeyFact, type KeyPorts, readKeys, wrongClusterKey } from './key-stream.ts';

export interface SigningKeys {
  /** The one that signs. `kid` is a UUID. */
  readonly current: NamedKey;
  /** The public key of this name; undefined for one that is not ours. The log is asked for a name that is not known yet: throws LogFault. */
  find(kid: string | undefined): Promise<KeyObject | undefined>;
}

export interface NamedKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

export interface OpenSigningKeys extends SigningKeys {
  /** From now on a new key signs. What older ones signed stays good until it expires. Two brokers that renew at the same time make one key. */
  renew(origin: Origin): Promise<void>;
  /** Follows the log no longer. */
  close(): Promise<void>;
}

export interface SigningKeyPorts extends KeyPorts {
  readonly clusterKey: ClusterKey;
  readonly logger: Logger;
  /** The log cannot be followed any more. */
  fatal(error: Error): void;
}

type Fact = KeyFact<'signing-key.created'>;
type Created = Extract<KeyEvent, { readonly type: 'signing-key.created' }>;

const SIGNING_KEYS: StreamName = streamName('signing', 'keys');
const MODULUS_BITS = 2048;
/** Nobody makes the broker ask its log for what cannot be there. */
const KID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A log without keys gets those that `former` gives, the newest last, or a new one. Throws a sentence for the operator where the cluster key is not
 * the right one.
 */
export async function openSigningKeys(ports: SigningKeyPorts, former: () => Promise<readonly NamedKey[]>): Promise<OpenSigningKeys> {
  const { log, clusterKey, logger } = ports;
  const publicKeys = new Map<string, KeyObject>();
  let current: NamedKey | undefined;
  let revision = 0;

  /** One bad fact, whoever wrote it, must not keep brokers from starting. */
  async function learn(facts: readonly Fact[]): Promise<void> {
    for (const fact of facts) {
      const key = await openKey(clusterKey, fact);
      revision = fact.revision + 1;
      if (key === undefined) {
        // Those before the first that opens are of a cluster key that was replaced.
        if (current === undefined) continue;
        logger.error({ kid: fact.data.kid, revision: fact.revision }, 'A signing key in the log cannot be opened with the cluster key.');
      } else {
        publicKeys.set(key.kid, createPublicKey(key.privateKey));
        current = key;
      }
    }
  }

  const head = await log.head();
  const found = await readKeys<'signing-key.created'>(log, SIGNING_KEYS, 0);
  await learn(found.length > 0 ? found : await addKeys(ports, SIGNING_KEYS, found, await firstKeys(ports, await former())));
  if (current === undefined) throw wrongClusterKey(clusterKey);
  const look = oneAtATime(async () => learn(await readKeys<'signing-key.created'>(log, SIGNING_KEYS, revision)));
  /** What cannot be read now is read when it is asked for. */
  const subscription = log.subscribe(
    head,
    async (news) => {
      const isAdded = news.some((fact) => fact.stream === SIGNING_KEYS && fact.revision >= revision);
      if (isAdded) await look().catch((err) => logger.warn({ err }, 'A new signing key could not be read from the log.'));
    },
    ports.fatal,
  );

  return {
    get current() {
      return current as NamedKey;
    },
    async find(kid = '') {
      if (!publicKeys.has(kid) && KID.test(kid)) await look();
      return publicKeys.get(kid);
    },
    async renew(origin) {
      await addSigningKey({ ...ports, origin });
      await look();
    },
    close: subscription.stop,
  };
}

/** A new key behind those in the log, which signs from then on. False, and there is none, where somebody else adds one at the same time. */
export async function addSigningKey(ports: KeyPorts & Pick<SigningKeyPorts, 'clusterKey'>): Promise<boolean> {
  const known = await readKeys<'signing-key.created'>(ports.log, SIGNING_KEYS, 0);
  const key = { kid: ports.random.uuid(), privateKey: await newKey() };
  const facts = await addKeys(ports, SIGNING_KEYS, known, [await sealKey(ports.clusterKey, key)]);
  return facts.some(({ data }) => data.kid === key.kid);
}

async function firstKeys({ clusterKey, random }: SigningKeyPorts, former: readonly NamedKey[]): Promise<readonly Created[]> {
  const keys = former.length > 0 ? former : [{ kid: random.uuid(), privateKey: await newKey() }];
  return Promise.all(keys.map((key) => sealKey(clusterKey, key)));
}

async function newKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: MODULUS_BITS })).privateKey;
}

async function sealKey(clusterKey: ClusterKey, { kid, privateKey }: NamedKey): Promise<Created> {
  const { kty = '', n = '', e = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const sealedPrivateKey = await clusterKey.seal(purposeOf(kid), privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return { type: 'signing-key.created', data: { kid, alg: 'RS256', publicJwk: { kty, n, e }, sealedPrivateKey } };
}

/** The public key is made from the private one: who can write to the log but has no cluster key adds none. */
async function openKey(clusterKey: ClusterKey, { data: { kid, sealedPrivateKey } }: Fact): Promise<NamedKey | undefined> {
  const pem = await clusterKey.open(purposeOf(kid), sealedPrivateKey);
  return pem === undefined ? undefined : { kid, privateKey: createPrivateKey(pem) };
}

const purposeOf = (kid: string): string => `signing key ${kid}`;

/** However many ask, one run is under way and one to come: whoever asks is told after a run that began then or later. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    if (underWay === undefined) {
      underWay = work().finally(() => {
        underWay = undefined;
      });
      return underWay;
    }
    next ??= underWay
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
  return run;
}

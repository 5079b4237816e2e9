/** What brokers on one log share, and what it takes to share it. */
import { createPublicKey, generateKeyPairSync, randomUUID, X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createMemoryStore, type MemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { type ClusterKey, makeClusterKey, readClusterKey } from '../../../adapters/secrets/cluster-key.ts';
import { readKeys } from '../../../adapters/secrets/key-stream.ts';
import { openSecrets, type Secrets, type SecretsPorts } from '../../../adapters/secrets/secrets.ts';
import { systemClock, systemRandom } from '../../../adapters/system.ts';
import { createTokens } from '../../../adapters/tokens.ts';
import type { NewFact, Revision } from '../../../domain/facts.ts';
import { streamName } from '../../../domain/ids.ts';
import { type EventLog, LogFault } from '../../../domain/ports/event-log.ts';
import { newAuthority } from '../../helpers/certificates.ts';
import { newFact, newFacts } from '../../helpers/new-facts.ts';
import { recordingLogger } from '../../helpers/real-agent.ts';
import { until } from '../../helpers/until.ts';

const SIGNING_KEYS = streamName('signing', 'keys');
const AUTHORITY = streamName('certificate', 'authority');
const DAY_MS = 86_400_000;

/** A folder for each broker, on one log. */
async function setUp(t: Test, store: MemoryStore = createMemoryStore()) {
  const log = openMemoryEventLog(store);
  t.teardown(log.close);
  const root = t.testdir();
  const logger = recordingLogger();
  const lost: Error[] = [];
  const ports: SecretsPorts = { log, clock: systemClock, random: systemRandom, logger, fatal: (error) => lost.push(error) };
  const keyOf = (name: string) => join(root, name, 'secrets', 'cluster.key');

  async function open(name: string, changes: Partial<SecretsPorts> = {}, clusterKeyFile?: string): Promise<Secrets> {
    await mkdir(join(root, name), { recursive: true });
    const secrets = await openSecrets({ ...ports, ...changes }, { dataDir: join(root, name), clusterKeyFile });
    t.teardown(secrets.close);
    return secrets;
  }

  return {
    log,
    store,
    logger,
    lost,
    root,
    keyOf,
    open,
    /** Another broker, with a copy of the key of `first`. */
    async join(name: string, first = 'first', changes: Partial<SecretsPorts> = {}) {
      await mkdir(join(root, name, 'secrets'), { recursive: true });
      await copyFile(keyOf(first), keyOf(name));
      return open(name, changes);
    },
    clusterKey: async (name = 'first') => (await readClusterKey(keyOf(name))) as ClusterKey,
  };
}

/** The fact of a new signing key, sealed with `clusterKey`. */
async function newKeyFact(clusterKey: ClusterKey, kid: string = randomUUID()): Promise<NewFact> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const sealedPrivateKey = await clusterKey.seal(`signing key ${kid}`, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  const { kty, n, e } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { ...newFact({ kid, alg: 'RS256', publicJwk: { kty, n, e }, sealedPrivateKey }), type: 'signing-key.created' };
}

const kidOf = (fact: NewFact): string => (fact.data as { kid: string }).kid;

const add = (log: EventLog, after: Revision, fact: NewFact) => log.append(SIGNING_KEYS, after, [fact]);

t.test('a broker with the log and a copy of the cluster key has everything that the first one has', async (t) => {
  const it = await setUp(t);
  const first = await it.open('first');
  t.equal((await stat(it.keyOf('first'))).mode & 0o777, 0o600);
  const second = await it.join('second');
  t.same(second.authority, first.authority);
  t.same(second.pageKey, first.pageKey);
  t.equal(first.pageKey.length, 32);
  const now = Date.now();
  const token = await createTokens(first.signingKeys).issueAccessToken({ clientId: 'ann', audience: 'api', lifetimeSeconds: 60 }, now);
  t.same(await createTokens(second.signingKeys).verifyAccessToken(token, 'api', now), { valid: { clientId: 'ann' } });
  t.equal(it.store.facts.length, 2, 'one signing key, one authority');
});

t.test('a restart finds what the first start made', async (t) => {
  const it = await setUp(t);
  const before = await it.open('first');
  await before.close();
  const after = await it.open('first');
  t.equal(after.signingKeys.current.kid, before.signingKeys.current.kid);
  t.same(after.authority, before.authority);
  t.equal(it.store.facts.length, 2);
});

t.test('brokers that begin a log at the same time agree', async (t) => {
  const it = await setUp(t);
  const file = join(it.root, 'key');
  await makeClusterKey(file);
  const all = await Promise.all(['first', 'second', 'third'].map((name) => it.open(name, {}, file)));
  t.equal(new Set(all.map(({ signingKeys }) => signingKeys.current.kid)).size, 1);
  t.equal(new Set(all.map(({ authority }) => authority.cert)).size, 1);
  t.equal(it.store.facts.length, 2);
});

t.test('the log holds what may be known of the keys, and the rest sealed', async (t) => {
  const it = await setUp(t);
  const { signingKeys, authority } = await it.open('first');
  const [ca, key] = it.store.facts;
  t.match(ca, { stream: 'certificate-authority', type: 'authority.created', data: { certificate: authority.cert } });
  t.match(key, { stream: 'signing-keys', type: 'signing-key.created', data: { kid: signingKeys.current.kid, alg: 'RS256' } });
  const { n } = createPublicKey(signingKeys.current.privateKey).export({ format: 'jwk' });
  t.match(key?.data, { publicJwk: { kty: 'RSA', n } });
  const { d = '' } = signingKeys.current.privateKey.export({ format: 'jwk' });
  t.notMatch(JSON.stringify(it.store.facts), new RegExp(`PRIVATE|${d}|"d":`));
  for (const fact of [ca, key]) t.match(fact, { schemaVersion: 1, cause: { kind: 'broker', id: 'keys' } });
});

t.test('a cluster key that is not the right one is told, and nothing is changed', async (t) => {
  const it = await setUp(t);
  await it.open('first');
  await t.rejects(it.open('second'), {
    message: `The keys in this log are sealed, and there is no cluster key in ${it.keyOf('second')}. Copy it from a broker that runs on this log or from a backup, or name it with berth.cluster-key-file. Where it is lost: berth replace-cluster-key.`,
  });
  await t.rejects(stat(it.keyOf('second')), { code: 'ENOENT' }, 'none is made in the place of the right one');
  await mkdir(join(it.root, 'second', 'secrets'));
  await makeClusterKey(it.keyOf('second'));
  await t.rejects(it.open('second'), {
    message: `The cluster key in ${it.keyOf('second')} does not open the keys in this log. Put the cluster.key of a broker that runs on this log there, or name it with berth.cluster-key-file. Where it is lost: berth replace-cluster-key.`,
  });
  t.equal(it.store.facts.length, 2);
});

t.test('a cluster key that was named has to be there, be one, and be for its owner only', async (t) => {
  const it = await setUp(t);
  const file = join(it.root, 'key');
  await t.rejects(it.open('first', {}, file), { message: `berth.cluster-key-file: there is no file ${file}.` });
  await writeFile(file, 'secret\n', { mode: 0o600 });
  const advice = 'holds no cluster key: 32 bytes in base64, as `openssl rand -base64 32` gives them.';
  for (const text of ['', 'secret', `${Buffer.alloc(31).toString('base64')}`, `${Buffer.alloc(32).toString('base64')}=`]) {
    await writeFile(file, text);
    await t.rejects(it.open('first', {}, file), { message: `${file} ${advice}` }, JSON.stringify(text));
  }
  await writeFile(file, Buffer.alloc(32, 7).toString('base64'));
  await chmod(file, 0o640);
  await t.rejects(it.open('first', {}, file), { message: `${file} holds the cluster key, but others may read it; run: chmod 600 ${file}` });
  await t.rejects(it.open('first', {}, it.root), { message: /^The cluster key .* cannot be read: EISDIR/ });
  await chmod(file, 0o400);
  t.ok(await it.open('first', {}, file));
  t.equal(it.store.facts.length, 2);
});

t.test('the files of earlier versions go into the log once', async (t) => {
  const it = await setUp(t);
  const [young, old] = [1, 2].map(() => ({ kid: randomUUID(), key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }));
  const authority = await newAuthority();
  const folder = (...path: string[]) => join(it.root, 'first', ...path);
  for (const name of ['secrets', 'tls']) await mkdir(folder(name), { recursive: true });
  const keys = [young, old].map((each) => ({ kid: each?.kid, alg: 'RS256', use: 'sig', ...each?.key.export({ format: 'jwk' }) }));
  await writeFile(folder('secrets', 'signing-keys.json'), JSON.stringify({ keys }));
  await writeFile(folder('tls', 'ca.pem'), authority.cert);
  await writeFile(folder('tls', 'ca.key'), authority.key);

  const first = await it.open('first');
  t.equal(first.signingKeys.current.kid, young?.kid, 'the first key of the file signs');
  t.ok(await first.signingKeys.find(old?.kid));
  t.match(first.authority, authority);
  t.same(
    it.logger.lines.map(({ message }) => message),
    [
      'The authority goes into the log; the file of its key is not used any more.',
      'The signing keys of this file go into the log; the file is not used any more.',
    ],
  );
  await writeFile(folder('secrets', 'signing-keys.json'), 'nonsense');
  const again = await it.open('first');
  t.equal(again.signingKeys.current.kid, young?.kid);
});

t.test('a file of an earlier version that holds no keys is refused', async (t) => {
  for (const text of ['', '{}', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA"}]}']) {
    const it = await setUp(t);
    const file = join(it.root, 'first', 'secrets', 'signing-keys.json');
    await mkdir(join(it.root, 'first', 'secrets'), { recursive: true });
    await writeFile(file, text);
    await t.rejects(it.open('first'), { message: `${file} holds no signing keys that can be read` });
    t.equal(await readFile(file, 'utf8'), text);
  }
});

t.test('a key that another broker adds signs and verifies here as soon as its fact has come', async (t) => {
  const it = await setUp(t);
  const { signingKeys } = await it.open('first');
  const former = signingKeys.current.kid;
  const fact = await newKeyFact(await it.clusterKey());
  await it.log.append(streamName('desk', '1'), -1, newFacts(3));
  await add(it.log, 0, fact);
  await until('the new key signs', () => signingKeys.current.kid === kidOf(fact));
  t.equal((await signingKeys.find(former))?.type, 'public', 'what the former one signed stays good');
});

t.test('a key is looked for in the log before a token signed with it is refused', async (t) => {
  const it = await setUp(t);
  let reads = 0;
  const deaf: EventLog = {
    ...it.log,
    readStream: (...range) => {
      reads += 1;
      return it.log.readStream(...range);
    },
    subscribe: () => ({ stop: async () => undefined }),
  };
  const { signingKeys } = await it.open('first', { log: deaf });
  const fact = await newKeyFact(await it.clusterKey());
  const finding = signingKeys.find(kidOf(fact));
  await add(it.log, 0, fact);
  const found = await Promise.all([finding, ...Array.from({ length: 100 }, () => signingKeys.find(kidOf(fact)))]);
  t.ok(found.slice(1).every((key) => key?.type === 'public'));

  reads = 0;
  await Promise.all(Array.from({ length: 100 }, () => signingKeys.find(randomUUID())));
  t.equal(reads, 2, 'however many ask');
  for (const kid of [undefined, '', 'another', kidOf(fact)]) await signingKeys.find(kid);
  t.equal(reads, 2, 'what cannot be ours is not looked for, nor what is known');
});

t.test('a log that cannot be read is not taken for one without the key', async (t) => {
  const it = await setUp(t);
  let isDown = false;
  const shaky: EventLog = {
    ...it.log,
    readStream: (...range) => (isDown ? Promise.reject(new LogFault('The log is out of reach.')) : it.log.readStream(...range)),
  };
  const { signingKeys } = await it.open('first', { log: shaky });
  isDown = true;
  const fact = await newKeyFact(await it.clusterKey());
  await add(it.log, 0, fact);
  await until('it is told', () => it.logger.lines.some(({ message }) => message === 'A new signing key could not be read from the log.'));
  await t.rejects(Promise.all([signingKeys.find(kidOf(fact)), signingKeys.find(kidOf(fact))]), { name: 'LogFault' });
  isDown = false;
  t.ok(await signingKeys.find(kidOf(fact)), 'the next one who asks is answered');
  t.same(it.lost, []);
});

t.test('whoever can write to the log but has no cluster key adds no key', async (t) => {
  const it = await setUp(t);
  const { signingKeys } = await it.open('first');
  const current = signingKeys.current.kid;
  const forged = await newKeyFact(await makeClusterKey(join(it.root, 'another')));
  await add(it.log, 0, forged);
  await until('it is told', () => it.logger.lines.some(({ level }) => level === 'error'));
  t.equal(await signingKeys.find(kidOf(forged)), undefined);
  t.equal(signingKeys.current.kid, current);
  const real = await newKeyFact(await it.clusterKey());
  await add(it.log, 1, { ...real, data: { ...real.data, kid: randomUUID() } });
  const next = await newKeyFact(await it.clusterKey());
  await add(it.log, 2, next);
  await until('the one behind them signs', () => signingKeys.current.kid === kidOf(next));
  t.equal(await signingKeys.find(kidOf(real)), undefined, 'nor under another name');
  const second = (await it.join('second')).signingKeys;
  t.equal(second.current.kid, kidOf(next), 'and keeps no broker from starting');
  t.equal(await second.find(kidOf(forged)), undefined);
});

t.test('a log with nothing but the signing keys of others is not signed on', async (t) => {
  const it = await setUp(t);
  await add(it.log, -1, await newKeyFact(await makeClusterKey(join(it.root, 'another'))));
  await t.rejects(it.open('first'), { message: /does not open the keys in this log/ });
});

t.test('an authority is replaced before it expires, and goes on being trusted', async (t) => {
  const it = await setUp(t);
  const first = await it.open('first');
  const later = (days: number) => ({ clock: { ...systemClock, now: () => Date.now() + days * DAY_MS } });
  t.equal((await it.open('first', later(3619))).authority.cert, first.authority.cert);
  const renewed = (await it.open('first', later(3621))).authority;
  t.not(renewed.cert, first.authority.cert);
  t.same(renewed.trusted, [first.authority.cert, renewed.cert]);
  t.ok(new X509Certificate(renewed.cert).ca);
  t.equal(Math.round((Date.parse(new X509Certificate(first.authority.cert).validTo) - Date.now()) / DAY_MS), 3650);
});

t.test('a certificate whose key is not sealed beside it is not trusted', async (t) => {
  const it = await setUp(t);
  const first = await it.open('first');
  const [ours, theirs] = [await newAuthority(), await newAuthority()];
  const sealedPrivateKey = await (await it.clusterKey()).seal('certificate authority', ours.key);
  await it.log.append(AUTHORITY, 0, [{ ...newFact({ certificate: theirs.cert, sealedPrivateKey }), type: 'authority.created' }]);
  const second = await it.join('second');
  t.same(second.authority, first.authority);
  t.ok(it.logger.lines.some(({ message }) => message.startsWith('Certificate authorities in the log cannot be opened')));
});

t.test('what is sealed for one purpose is of no use for another', async (t) => {
  const key = await makeClusterKey(join(t.testdir(), 'key'));
  const sealed = await key.seal('one', 'text');
  t.equal(await key.open('one', sealed), 'text');
  t.equal(await key.open('two', sealed), undefined);
  t.equal(await key.open('one', `${sealed}x`), undefined);
  t.notSame(key.derive('one'), key.derive('two'));
});

t.test('a broker that loses the log is told', async (t) => {
  const it = await setUp(t);
  let lose = (_: Error): void => undefined;
  const log: EventLog = {
    ...it.log,
    subscribe: (_after, _deliver, failed) => {
      lose = failed;
      return { stop: async () => undefined };
    },
  };
  await it.open('first', { log });
  lose(new LogFault('gone'));
  t.match(it.lost, [{ message: 'gone' }]);
});

t.test('a stream of keys is read whole, however long', async (t) => {
  const log = openMemoryEventLog();
  await log.append(SIGNING_KEYS, -1, newFacts(500));
  t.equal((await readKeys(log, SIGNING_KEYS, 0)).length, 500);
  await log.append(SIGNING_KEYS, 499, newFacts(3));
  t.equal((await readKeys(log, SIGNING_KEYS, 0)).length, 503);
  t.equal((await readKeys(log, SIGNING_KEYS, 502)).length, 1);
  await log.close();
});

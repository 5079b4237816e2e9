/** A cluster key that is lost or has leaked is replaced, and brokers go on. */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createMemoryStore, openMemoryEventLog } from '../../../adapters/memory/event-log.ts';
import { makeClusterKey } from '../../../adapters/secrets/cluster-key.ts';
import { KeyIsRightError, replaceClusterKey } from '../../../adapters/secrets/replacing.ts';
import { clusterKeyIn, openSecrets } from '../../../adapters/secrets/secrets.ts';
import { systemClock, systemRandom } from '../../../adapters/system.ts';
import { createTokens } from '../../../adapters/tokens.ts';
import { requestId } from '../../../domain/ids.ts';
import type { EventLog } from '../../../domain/ports/event-log.ts';
import { recordingLogger } from '../../helpers/real-agent.ts';

const OPERATOR = { cause: { kind: 'operator', id: 'ann' }, requestId: requestId('5f0c4a52-6d0f-4f7e-9d2c-0a1b2c3d4e5f') } as const;

async function setUp(t: Test) {
  const store = createMemoryStore();
  const log = openMemoryEventLog(store);
  t.teardown(log.close);
  const dataDir = t.testdir();
  const file = clusterKeyIn(dataDir);
  const logger = recordingLogger();
  const ports = { log, clock: systemClock, random: systemRandom, logger, fatal: () => undefined };
  return {
    store,
    file,
    logger,
    async start(clusterKeyFile?: string) {
      const secrets = await openSecrets(ports, { dataDir, clusterKeyFile });
      t.teardown(secrets.close);
      return secrets;
    },
    log,
    replace: (isForced = false, on: EventLog = log) => replaceClusterKey({ ...ports, log: on, origin: OPERATOR }, file, isForced),
  };
}

const issue = (secrets: Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['start']>>) =>
  createTokens(secrets.signingKeys).issueAccessToken({ clientId: 'ann', audience: 'api', lifetimeSeconds: 60 }, Date.now());

t.test('a broker whose cluster key is lost starts with the one in its place, and trusts nothing that the lost one sealed', async (t) => {
  const it = await setUp(t);
  const before = await it.start();
  const token = await issue(before);
  await before.close();
  await rm(it.file);
  await t.rejects(it.start(), { message: /Where it is lost: berth replace-cluster-key\.$/ });

  t.same(await it.replace(), { before: undefined });
  t.equal((await stat(it.file)).mode & 0o777, 0o600);
  const after = await it.start();
  t.same(after.authority.trusted, [after.authority.cert]);
  t.not(after.authority.cert, before.authority.cert);
  t.notSame(after.pageKey, before.pageKey);
  t.same(await createTokens(after.signingKeys).verifyAccessToken(token, 'api', Date.now()), { refused: 'invalid' });
  t.match(await createTokens(after.signingKeys).verifyAccessToken(await issue(after), 'api', Date.now()), { valid: { clientId: 'ann' } });
  t.same(it.logger.lines, [], 'it is in order that the keys of before do not open');
  t.same(
    it.store.facts.slice(-2).map(({ type, cause }) => [type, cause]),
    [
      ['authority.created', OPERATOR.cause],
      ['signing-key.created', OPERATOR.cause],
    ],
  );
});

t.test('a key that is of another log, or of no use at all, is put aside', async (t) => {
  const it = await setUp(t);
  await (await it.start()).close();
  await rm(it.file);
  await makeClusterKey(it.file);
  const { before = '' } = await it.replace();
  t.match(before, /cluster\.key\.replaced-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z$/);
  t.ok(existsSync(before));
  await writeFile(it.file, 'nonsense');
  t.match(await it.replace(), { before: /replaced/ });
  await chmod(it.file, 0o644);
  t.match(await it.replace(), { before: /replaced/ });
  await it.start();
  t.same(it.logger.lines, []);
});

t.test('a key that is good is replaced only by force', async (t) => {
  const it = await setUp(t);
  const before = await it.start();
  const facts = it.store.facts.length;
  await t.rejects(it.replace(), KeyIsRightError);
  t.equal(it.store.facts.length, facts);
  await it.replace(true);
  const after = await it.start();
  t.notOk(after.authority.trusted.includes(before.authority.cert), 'who has the old key is believed by nobody');
});

t.test('a log that no broker has run on has no key to replace', async (t) => {
  const it = await setUp(t);
  await t.rejects(it.replace(), { message: /No broker has run on this log yet/ });
  t.notOk(existsSync(it.file));
});

t.test('where a broker adds keys at the same time, the key of before stays', async (t) => {
  const it = await setUp(t);
  const before = await it.start();
  const key = readFileSync(it.file, 'utf8');
  // Reads come before appends, so a key that is added in between is not known to the one who appends.
  const racing = {
    ...it.log,
    append: async (...parameters: Parameters<EventLog['append']>) => {
      await before.signingKeys.renew(OPERATOR);
      return it.log.append(...parameters);
    },
  };
  await t.rejects(it.replace(true, racing), { message: /has added keys at the same time: stop all of them/ });
  t.equal(readFileSync(it.file, 'utf8'), key);
});

t.test('what was begun and not ended is done again, and the key of before is good until then', async (t) => {
  const it = await setUp(t);
  const before = await it.start();
  // As if the process had been killed before the new key came to its place.
  await makeClusterKey(`${it.file}.new`);
  t.equal((await it.start()).signingKeys.current.kid, before.signingKeys.current.kid);
  await it.replace(true);
  const folder = join(it.file, '..');
  t.notOk((await readdir(folder)).includes('cluster.key.new'));
  t.not((await it.start()).signingKeys.current.kid, before.signingKeys.current.kid);
});

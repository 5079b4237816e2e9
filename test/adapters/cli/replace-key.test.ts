/** `berth replace-cluster-key`, as a process beside a broker's folder. */
import { rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { createApiClient } from '../../../adapters/cli/api.ts';
import { clusterKeyIn } from '../../../adapters/secrets/secrets.ts';
import { connectionOf, FREE_PORTS, runBerth } from '../../helpers/berth-process.ts';
import { startEventStore } from '../../helpers/event-store.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

async function replace(t: Test, ...flags: readonly string[]) {
  const berth = runBerth(t, 'replace-cluster-key', ...flags);
  return { code: await berth.ended, stdout: berth.stdout(), stderr: berth.stderr() };
}

/** What a client sees that was there before. */
async function served(t: Test, dataDir: string, ...flags: readonly string[]) {
  const broker = runBerth(t, 'broker', '--data-dir', dataDir, ...FREE_PORTS, ...flags);
  await broker.says('The broker is ready');
  const connection = await connectionOf(dataDir);
  const client = await createApiClient(connection);
  t.same(await client.describeServers(), []);
  await client.close();
  return { broker, clientId: connection.clientId };
}

t.test('with a new key a broker serves the clients that it knew', async (t) => {
  const dataDir = temporaryFolder(t);
  const before = await served(t, dataDir);
  t.match(await replace(t, '--data-dir', dataDir), { code: 1, stderr: /is in use by another broker/ });
  before.broker.child.kill('SIGTERM');
  await before.broker.ended;
  t.match(await replace(t, '--data-dir', dataDir), { code: 1, stderr: /Nothing is lost; --force replaces it all the same/ });
  t.match(await replace(t, '--data-dir', dataDir, '--force'), { code: 0, stdout: /The one before is in .*cluster\.key\.replaced-/ });
  const after = await served(t, dataDir);
  t.equal(after.clientId, before.clientId);
  t.notMatch(after.broker.stderr(), /error/);
});

t.test('on a log that brokers share, it says that all of them need the new key', async (t) => {
  const { url, prefix } = await startEventStore(t);
  const dataDir = temporaryFolder(t);
  const flags = ['--event-log', url, '--stream-prefix', prefix];
  const { broker } = await served(t, dataDir, ...flags);
  broker.child.kill('SIGKILL');
  await broker.ended;
  await rm(clusterKeyIn(dataDir));
  t.match(await replace(t, '--data-dir', dataDir, ...flags), { code: 0, stdout: /to the machines of all other brokers on this log/ });
  await served(t, dataDir, ...flags);
});

t.test('a folder that is not there is said', async (t) => {
  t.match(await replace(t, '--data-dir', '/nonexistent/berth'), { code: 1, stderr: /^There is no data folder/ });
});

import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createApiClient } from '../../../adapters/cli/api.ts';
import { openConnection } from '../../../adapters/sqlite/connection.ts';
import { SCHEMA_VERSION } from '../../../projections/database.ts';
import { createApiClient as createTestClient } from '../../helpers/api-client.ts';
import { BERTH, type BerthProcess, connectionOf, FREE_PORTS, runBerth, runModule } from '../../helpers/berth-process.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

async function startBroker(t: Test, dataDir: string, ...more: string[]): Promise<BerthProcess> {
  const broker = runBerth(t, 'broker', '--data-dir', dataDir, ...FREE_PORTS, ...more);
  await broker.says('The broker is ready');
  return broker;
}

async function stop(broker: BerthProcess, signal: 'SIGTERM' | 'SIGINT'): Promise<number | string> {
  broker.child.kill(signal);
  return broker.ended;
}

t.test('a broker says on stdout that it is ready, and nothing else', async (t) => {
  const dataDir = join(temporaryFolder(t), 'data');
  const broker = await startBroker(t, dataDir);
  const { url } = await connectionOf(dataDir);
  t.equal(broker.stdout(), `The broker is ready at ${url}. How to reach it is in ${dataDir}/connection.json\n`);
  t.equal(broker.stderr(), '');
  t.equal(await stop(broker, 'SIGTERM'), 0);
});

t.test('a broker runs on a configuration file, and a mistake in it ends it with a sentence', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'session-manager-broker.properties');
  await writeFile(file, 'client-to-broker-connector-https-port = 0\nagent-to-broker-connector-https-port = 0\n');
  const broker = runBerth(t, 'broker', '--config', file, '--data-dir', join(folder, 'data'));
  await broker.says('The broker is ready');
  t.equal(await stop(broker, 'SIGTERM'), 0);
  await writeFile(file, 'session-screenshot-formt = png');
  const refused = runBerth(t, 'broker', '--config', file, '--data-dir', join(folder, 'data'));
  t.equal(await refused.ended, 1);
  t.match(refused.stderr(), `${file}:1: session-screenshot-formt is not a setting; did you mean session-screenshot-format?\n`);
});

t.test('a broker whose cluster key is another one ends with a sentence, and the right one brings it back', async (t) => {
  const dataDir = temporaryFolder(t);
  await stop(await startBroker(t, dataDir), 'SIGTERM');
  const { clientId } = await connectionOf(dataDir);
  const file = join(dataDir, 'secrets', 'cluster.key');
  const key = await readFile(file, 'utf8');
  await writeFile(file, `${Buffer.alloc(32, 7).toString('base64')}\n`);
  const refused = runBerth(t, 'broker', '--data-dir', dataDir, ...FREE_PORTS);
  t.equal(await refused.ended, 1);
  t.match(refused.stderr(), /^The cluster key in .*cluster\.key does not open the keys in this log\. [^\n]*\n$/);
  await writeFile(file, key);
  await stop(await startBroker(t, dataDir), 'SIGTERM');
  t.equal((await connectionOf(dataDir)).clientId, clientId);
});

t.test('a broker does not start on what a newer one has written, although its read models have passed it', async (t) => {
  const dataDir = temporaryFolder(t);
  await stop(await startBroker(t, dataDir), 'SIGTERM');
  // As a newer one would have left it: a shape that this one does not know, folded by a Berth that knows one shape more.
  await change(join(dataDir, 'log.sqlite'), "UPDATE facts SET schema_version = 99 WHERE type = 'api-client.registered'");
  await change(join(dataDir, 'read-models.sqlite'), `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  const refused = runBerth(t, 'broker', '--data-dir', dataDir, ...FREE_PORTS);
  t.equal(await refused.ended, 1);
  t.match(refused.stderr(), /api-client\.registered in version 99, .* A newer Berth writes to this log; use that one\.\n$/);
});

async function change(file: string, sql: string): Promise<void> {
  const connection = await openConnection(file, {});
  await connection.exec(sql);
  await connection.close();
}

t.test('connection.json is for its owner only and leads to the API', async (t) => {
  const dataDir = temporaryFolder(t);
  const broker = await startBroker(t, dataDir);
  t.equal((await stat(join(dataDir, 'connection.json'))).mode & 0o777, 0o600);
  const connection = await connectionOf(dataDir);
  t.equal((await stat(connection.softwareStatementFile)).mode & 0o777, 0o600);
  const client = await createApiClient(connection);
  t.same(await client.describeServers(), []);
  await client.close();

  const stranger = await createApiClient({ ...connection, clientPassword: 'wrong' });
  await t.rejects(stranger.describeServers(), { message: /does not take these credentials \(401/ });
  await stranger.close();
  t.equal(await stop(broker, 'SIGINT'), 0);
});

t.test('the API client and the software statement stay over restarts, and are made anew when they are lost', async (t) => {
  const dataDir = temporaryFolder(t);
  await stop(await startBroker(t, dataDir), 'SIGTERM');
  const first = await connectionOf(dataDir);
  const statement = await readFile(first.softwareStatementFile, 'utf8');

  await stop(await startBroker(t, dataDir), 'SIGTERM');
  t.match(await connectionOf(dataDir), { clientId: first.clientId, clientPassword: first.clientPassword });
  t.equal(await readFile(first.softwareStatementFile, 'utf8'), statement);

  await rm(join(dataDir, 'connection.json'));
  await rm(first.softwareStatementFile);
  await startBroker(t, dataDir);
  const second = await connectionOf(dataDir);
  t.not(second.clientId, first.clientId);
  t.not(await readFile(second.softwareStatementFile, 'utf8'), statement);
  for (const { clientId, clientPassword } of [first, second]) {
    const client = await createApiClient({ ...second, clientId, clientPassword });
    t.same(await client.describeServers(), [], 'both clients are registered');
    await client.close();
  }
});

t.test('a client that the log does not know is replaced', async (t) => {
  const dataDir = temporaryFolder(t);
  await stop(await startBroker(t, dataDir), 'SIGTERM');
  const before = await connectionOf(dataDir);
  await writeFile(join(dataDir, 'connection.json'), JSON.stringify({ ...before, clientId: '6f5cb1a8-0000-4000-8000-000000000000' }));
  await startBroker(t, dataDir);
  t.not((await connectionOf(dataDir)).clientPassword, before.clientPassword);
});

t.test('who listens on all addresses is reached at the loopback one', async (t) => {
  for (const [host, url] of [
    ['0.0.0.0', 'https://127.0.0.1:'],
    ['::', 'https://[::1]:'],
  ] as const) {
    const dataDir = temporaryFolder(t);
    await startBroker(t, dataDir, '--host', host);
    const connection = await connectionOf(dataDir);
    t.ok(connection.url.startsWith(url), connection.url);
    const client = await createApiClient(connection);
    t.same(await client.describeServers(), []);
    await client.close();
  }
});

t.test('what keeps a broker from starting is one sentence on stderr', async (t) => {
  const folder = temporaryFolder(t);
  const taken = createServer().listen(0, '127.0.0.1');
  t.teardown(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  await writeFile(join(folder, 'file'), '');
  await mkdir(join(folder, 'used'));
  const holder = await startBroker(t, join(folder, 'used'));

  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ['--data-dir', join(folder, 'new'), '--agent-port', '0', '--client-port', String(port)],
      new RegExp(`^Cannot listen on 127.0.0.1 port ${port}: .*\n$`),
    ],
    [
      ['--data-dir', join(folder, 'new'), '--client-port', '0', '--agent-port', String(port)],
      new RegExp(`^Cannot listen on 127.0.0.1 port ${port}: .*\n$`),
    ],
    [['--data-dir', join(folder, 'file'), ...FREE_PORTS], /^The data folder .*file is not a folder\.\n$/],
    [
      ['--data-dir', join(folder, 'used'), ...FREE_PORTS],
      new RegExp(`^The data folder .*used is in use by another broker \\(process ${holder.child.pid}\\)\\.\n$`),
    ],
  ];
  for (const [parameters, sentence] of cases) {
    const broker = runBerth(t, 'broker', ...parameters);
    t.equal(await broker.ended, 1);
    t.match(broker.stderr(), sentence);
    t.equal(broker.stdout(), '');
  }
});

t.test('what a broker says goes into the files of its folder, which are put away as they grow', async (t) => {
  const folder = temporaryFolder(t);
  const log = join(folder, 'log');
  const env = { BERTH_LOG_DIRECTORY: log, BERTH_LOG_MAX_FILE_SIZE: '600', BERTH_LOG_ROTATE: '2' };
  const broker = runModule(t, BERTH, ['broker', '--data-dir', join(folder, 'data'), ...FREE_PORTS], { env });
  await broker.says('The broker is ready');
  const client = await createTestClient(await connectionOf(join(folder, 'data')));
  for (let count = 0; count < 10; count += 1) await client.call('POST', '/createSessions', []);
  await client.close();
  t.equal(await stop(broker, 'SIGTERM'), 0);
  t.equal(broker.stderr(), '', 'nobody is watching');
  t.same((await readdir(log)).sort(), ['broker.log', 'broker.log.1', 'broker.log.2']);
  for (const name of await readdir(log)) {
    const lines = (await readFile(join(log, name), 'utf8')).split('\n').filter((line) => line !== '');
    t.ok(
      lines.every((line) => JSON.parse(line).program === 'broker'),
      name,
    );
  }
});

t.test('a log folder that cannot be written is said, and the lines go to stderr', async (t) => {
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'log'), 'a file stands in the way');
  const env = { BERTH_LOG_DIRECTORY: join(folder, 'log') };
  const broker = runModule(t, BERTH, ['broker', '--data-dir', join(folder, 'data'), ...FREE_PORTS], { env });
  await broker.says('The broker is ready');
  t.equal(await stop(broker, 'SIGTERM'), 0);
  t.match(broker.stderr(), /^The log file .*broker\.log cannot be written: .* Its lines go to stderr instead\.\n\{.*"level":"info"/);
});

/** A broker, as a process of its own, whose log is in EventStoreDB. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { Agent, request } from 'undici';
import { createApiClient } from '../../../adapters/cli/api.ts';
import { connectionOf, FREE_PORTS, runBerth, runModule } from '../../helpers/berth-process.ts';
import { STAND_IN, STAND_IN_READY, startEventStore } from '../../helpers/event-store.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';

t.test('a broker finds its past in EventStoreDB again, and leaves a log in its data folder alone', async (t) => {
  const { url, prefix } = await startEventStore(t);
  const dataDir = temporaryFolder(t);
  const flags = ['--data-dir', dataDir, '--event-log', url, '--stream-prefix', prefix, ...FREE_PORTS];
  const first = runBerth(t, 'broker', ...flags);
  await first.says('The broker is ready');
  const { clientId } = await connectionOf(dataDir);
  first.child.kill('SIGKILL');
  await first.ended;

  await writeFile(join(dataDir, 'log.sqlite'), 'of earlier days');
  const second = runBerth(t, 'broker', ...flags);
  await second.says('The broker is ready');
  const connection = await connectionOf(dataDir);
  t.equal(connection.clientId, clientId, 'the client is known');
  const client = await createApiClient(connection);
  t.same(await client.describeServers(), []);
  await client.close();
  t.match(second.stderr(), /log of its own, which is not used/);
  second.child.kill('SIGTERM');
  t.equal(await second.ended, 0);
});

t.test('a broker that cannot reach its log does not start, and says why without the password', async (t) => {
  const dataDir = temporaryFolder(t);
  const flags = ['--data-dir', dataDir, '--event-log', 'esdb://ann:secret@127.0.0.1:1?tls=false', ...FREE_PORTS];
  const broker = runBerth(t, 'broker', ...flags);
  t.equal(await broker.ended, 1);
  t.match(broker.stderr(), /^The event log at esdb:\/\/127\.0\.0\.1:1 cannot be opened: .* the server cannot be reached \(.*\)\.\n$/);
  t.notMatch(broker.stderr(), /secret/);
});

t.test('a broker whose log is away says so, and goes on when it is back', async (t) => {
  const { url, prefix, standIn } = await startEventStore(t);
  if (standIn === undefined) return;
  const dataDir = temporaryFolder(t);
  const broker = runBerth(t, 'broker', '--data-dir', dataDir, '--event-log', url, '--stream-prefix', prefix, ...FREE_PORTS);
  await broker.says('The broker is ready');
  const connection = await connectionOf(dataDir);
  const dispatcher = new Agent({ connect: { ca: await readFile(connection.caFile) } });
  t.teardown(() => dispatcher.close());
  const readiness = async () => {
    const { statusCode, body } = await request(`${connection.url}/ready`, { dispatcher });
    return [statusCode, await body.json()];
  };
  const health = () =>
    Promise.all(
      [connection.url, `https://127.0.0.1:${connection.agentPort}`].map(async (door) => {
        const { statusCode, body } = await request(`${door}/health`, { dispatcher });
        return [statusCode, await body.json()];
      }),
    );
  const [well, away] = [
    [200, { status: 'ok' }],
    [503, { status: 'unavailable' }],
  ];
  t.same(await health(), [well, well]);
  t.same(await readiness(), [200, { status: 'ready' }]);
  await standIn.stop();
  await broker.says('The connection to the log is lost');
  t.same(await health(), [away, away], 'a load balancer takes another one');
  t.same(await readiness(), [503, { status: 'not ready', notReady: ['log'] }]);
  await standIn.start();
  await broker.says('The connection to the log stands again');
  t.same(await health(), [well, well]);
  const client = await createApiClient(connection);
  t.same(await client.describeServers(), []);
  await client.close();
});

t.test('a broker whose log has stopped answering ends in order all the same, and complains of each thing once', async (t) => {
  const server = runModule(t, STAND_IN, ['0'], { bare: true });
  await server.says(STAND_IN_READY);
  const url = STAND_IN_READY.exec(server.stdout())?.[1] ?? '';
  const dataDir = temporaryFolder(t);
  const broker = runBerth(t, 'broker', '--data-dir', dataDir, '--event-log', url, ...FREE_PORTS);
  await broker.says('The broker is ready');
  server.child.kill('SIGSTOP');
  await broker.says('Checkpoints are not signed at the moment');
  broker.child.kill('SIGTERM');
  t.equal(await broker.ended, 0, 'within the 15 s after which it would be given up');
  for (const complaint of ['Checkpoints are not signed', 'Trying again until it is done: beginning to lead']) {
    t.equal(broker.stderr().split(complaint).length, 2, `${complaint}, once`);
  }
  server.child.kill('SIGKILL');
});

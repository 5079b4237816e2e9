/** A connection gateway in front of a whole broker: it is told the operator's own names for servers, as soon as they are registered. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { startBroker } from '../../adapters/broker.ts';
import { brokerConfig } from '../../adapters/config.ts';
import { writeConnectionFile } from '../../adapters/connection-file.ts';
import type { Settings } from '../../adapters/settings/names.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import { createApiClient } from '../helpers/api-client.ts';
import { runBerth } from '../helpers/berth-process.ts';
import { temporaryFolder } from '../helpers/read-model.ts';
import { recordingLogger, startRealAgent } from '../helpers/real-agent.ts';
import { ORIGIN } from '../helpers/samples.ts';
import { pause } from '../helpers/until.ts';

async function eventually(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await pause(20);
}

async function start(t: Test, dataDir: string, agentPort: number) {
  const said = (value: string) => ({ value, from: 'the test' });
  const settings: Settings = {
    'berth.data-dir': said(dataDir),
    'client-to-broker-connector-https-port': said('0'),
    'agent-to-broker-connector-https-port': said(String(agentPort)),
    'gateway-to-broker-connector-https-port': said('0'),
    'enable-gateway': said('true'),
  };
  const broker = await startBroker(brokerConfig(settings, '/'), { clock: systemClock, random: systemRandom, logger: recordingLogger() });
  t.teardown(broker.stop);
  return broker;
}

t.test('a gateway is told the name that the operator gave a server, after a restart too', async (t) => {
  const dataDir = temporaryFolder(t);
  const broker = await start(t, dataDir, 0);
  const { agentPort, clientPort, caFile, access } = broker;
  const { secret } = await access.issueSoftwareStatement(ORIGIN);
  const agent = await startRealAgent({ port: agentPort, caFile }, { statement: secret });
  t.teardown(agent.stop);
  const endpoints = { url: `https://127.0.0.1:${clientPort}`, agentHost: '127.0.0.1', agentPort, caFile };
  const client = await createApiClient(await writeConnectionFile(dataDir, endpoints, access, ORIGIN));
  t.teardown(client.close);
  await eventually(async () => (await client.describeServers()).length === 1);
  const created = await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  const id = created.SuccessfulList?.[0]?.Id ?? '';
  const isReady = async () => (await client.describeSessions({ SessionIds: [id] }))[0]?.State === 'READY';
  await eventually(isReady);
  const server = (await client.describeServers())[0]?.Id ?? '';

  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } });
  t.teardown(() => dispatcher.close());
  const ask = async ({ gatewayPort }: Pick<typeof broker, 'gatewayPort'>) => {
    const url = `https://127.0.0.1:${gatewayPort}/resolveSession?sessionId=${id}&transport=HTTP`;
    const answer = await fetch(url, { method: 'POST', dispatcher });
    return { status: answer.status, name: ((await answer.json()) as { DcvServerEndpoint?: string }).DcvServerEndpoint };
  };
  const register = async (name: string) => {
    const file = join(dataDir, 'mappings.json');
    await writeFile(file, JSON.stringify([{ ServerIdType: 'Id', ServerId: server, DnsNames: { InternalDnsName: name } }]));
    t.equal(await runBerth(t, 'register-server-dns-mappings', '--file-path', file, '--data-dir', dataDir).ended, 0);
  };
  t.same(await ask(broker), { status: 200, name: 'host-1.simulated.internal' });
  await register('first.internal');
  await eventually(async () => (await ask(broker)).name === 'first.internal');
  await register('second.internal');
  await eventually(async () => (await ask(broker)).name === 'second.internal');
  await broker.stop();

  const again = await start(t, dataDir, agentPort);
  await eventually(async () => (await ask(again)).status === 200);
  t.same(await ask(again), { status: 200, name: 'second.internal' });
});

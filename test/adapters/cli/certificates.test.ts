/** Certificates of a real broker: those that connection gateways have to show, and the operator's own when their files are replaced. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { Agent, fetch } from 'undici';
import { issueServer, type SigningPair } from '../../../adapters/certificate-issuer.ts';
import { newAuthority, selfSigned } from '../../helpers/certificates.ts';
import { eventually } from '../../helpers/kill-checks.ts';
import { temporaryFolder } from '../../helpers/read-model.ts';
import { type RealBroker, startAgent, startBroker, writeServer } from '../../helpers/real-broker.ts';

const DAY_MS = 86_400_000;

/** Of the moment: the broker does not say which port it took for gateways. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function readySession({ client }: RealBroker): Promise<string> {
  await eventually(async () => (await client.describeServers()).some(({ Availability }) => Availability === 'AVAILABLE'));
  const created = await client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL' }]);
  const id = String(created.SuccessfulList?.[0]?.Id);
  await eventually(async () => (await client.describeSessions({ SessionIds: [id] }))[0]?.State === 'READY');
  return id;
}

t.test('gateways with the right certificate are told where a session is; others do not get to ask', async (t) => {
  const folder = temporaryFolder(t);
  const [right, wrong] = [selfSigned('gateway'), selfSigned('stranger')];
  const port = await freePort();
  await writeFile(join(folder, 'trust.pem'), right.cert);
  const config = join(folder, 'session-manager-broker.properties');
  const lines = [
    'berth.bind-host = 127.0.0.1',
    'enable-gateway = true',
    `gateway-to-broker-connector-https-port = ${port}`,
    'enable-tls-client-auth-gateway = true',
    `gateway-to-broker-connector-trust-store-file = ${join(folder, 'trust.pem')}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const broker = await startBroker(t, { flags: ['--config', config] });
  startAgent(t, await writeServer(broker, { hostname: 'host-1' }));
  const id = await readySession(broker);

  const ca = await readFile(broker.connection.caFile, 'utf8');
  async function ask(pair?: SigningPair) {
    const dispatcher = new Agent({ connect: { ca, ...pair } });
    t.teardown(() => dispatcher.destroy());
    const url = `https://127.0.0.1:${port}/resolveSession?sessionId=${id}&transport=HTTP&clientIpAddress=192.0.2.7`;
    const answer = await fetch(url, { method: 'POST', dispatcher });
    return { status: answer.status, body: await answer.json() };
  }
  const place = { SessionId: id, TransportProtocol: 'HTTP', DcvServerEndpoint: 'host-1.simulated.internal', Port: 8443, WebUrlPath: '/' };
  t.same(await ask(right), { status: 200, body: place });
  await t.rejects(ask(wrong), 'a certificate that nobody trusts');
  await t.rejects(ask(), 'no certificate');
});

/** With which certificate somebody who comes now is met. */
async function met(t: Test, { connection }: RealBroker, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', servername: 'localhost', port: Number(new URL(connection.url).port), ca });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket.getPeerCertificate().serialNumber;
}

t.test('a certificate that the operator replaces is used without a restart, and at once where SIGHUP says so', async (t) => {
  const store = join(temporaryFolder(t), 'broker.pem');
  const authority = await newAuthority();
  const now = Date.now();
  const issue = () =>
    issueServer(authority, { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }, { from: now, until: now + 90 * DAY_MS });
  const put = async (): Promise<string> => {
    const { key, cert } = await issue();
    await writeFile(store, key + cert + authority.cert);
    return new X509Certificate(cert).serialNumber;
  };
  const first = await put();
  const env = { BERTH_CLIENT_TO_BROKER_CONNECTOR_KEY_STORE_FILE: store };
  const broker = await startBroker(t, { flags: ['--log-level', 'info'], env });
  t.equal(await met(t, broker, authority.cert), first);

  const second = await put();
  await eventually(async () => (await met(t, broker, authority.cert)) === second);

  const third = await put();
  broker.process.child.kill('SIGHUP');
  await broker.process.says('The certificates were read again.');
  t.equal(await met(t, broker, authority.cert), third);

  await writeFile(store, 'half a fi');
  broker.process.child.kill('SIGHUP');
  await broker.process.says(/The certificate for clients cannot be renewed; the one before goes on being used.*/);
  t.equal(await met(t, broker, authority.cert), third, 'and a broker that is told of a bad one lives on');
});

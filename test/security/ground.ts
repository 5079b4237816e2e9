/** A broker to be attacked: a process of its own with all three doors, agents, and everything in hand that a caller of any route could have. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Agent, request } from 'undici';
import type { SigningKeys } from '../../adapters/secrets/signing-keys.ts';
import { createTokens, type Tokens } from '../../adapters/tokens.ts';
import { serverId } from '../../domain/ids.ts';
import { BERTH, type BerthProcess, type ModuleOptions, runModule } from '../helpers/berth-process.ts';
import { greeting } from '../helpers/raw-agent.ts';
import { type RealBroker, startBroker, writeServer } from '../helpers/real-broker.ts';
import { pause } from '../helpers/until.ts';
import type { Door } from './line.ts';
import type { DoorName } from './routes.ts';

export interface Ground {
  readonly broker: RealBroker;
  readonly doors: Readonly<Record<DoorName, Door>>;
  /** The broker signs with these. */
  readonly keys: SigningKeys;
  /** Gives out any token that the broker would. */
  readonly tokens: Tokens;
  readonly agents: readonly BerthProcess[];
  /** A client of the agent link that is enrolled, and is no agent. */
  readonly agentClient: { readonly id: string; readonly secret: string };
  /** What none of them may ever say. */
  readonly secrets: readonly string[];
  /** The connection of an agent that this test is itself. Its orders are read for as long as the test runs, and left alone. */
  connectAgent(serverId: string): Promise<string>;
  /** As a caller with nothing but the certificate. */
  post(door: DoorName, path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<Reply>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

export interface GroundOptions extends ModuleOptions {
  readonly flags?: readonly string[];
  readonly agents?: number;
  readonly agentFlags?: readonly string[];
}

/** Resolves when all agents are connected. */
export async function prepareGround(
  t: Test,
  { agents: count = 0, agentFlags = [], env = {}, flags = [], ...options }: GroundOptions = {},
): Promise<Ground> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const dataDir = join(folder, 'data');
  const keys = await plantSigningKey(dataDir);
  const gatewayPort = await freePort();
  const variables = { BERTH_ENABLE_GATEWAY: 'true', ...env };
  const broker = await startBroker(t, { ...options, dataDir, env: variables, flags: ['--gateway-port', String(gatewayPort), ...flags] });
  const agents: BerthProcess[] = [];
  for (let number = 1; number <= count; number++) {
    const { configFile } = await writeServer(broker, { hostname: `host-${number}` });
    agents.push(runModule(t, BERTH, ['agent', '--config', configFile, ...agentFlags], { bare: true }));
  }
  while ((await broker.client.describeServers()).filter(({ Availability }) => Availability === 'AVAILABLE').length < count)
    await pause(100);
  const { connection } = broker;
  const ca = await readFile(connection.caFile, 'utf8');
  const doors = {
    client: { port: Number(new URL(connection.url).port), ca },
    agent: { port: connection.agentPort, ca },
    gateway: { port: gatewayPort, ca },
  };
  const dispatcher = new Agent({ connect: { ca } });
  t.teardown(() => dispatcher.destroy());
  const post: Ground['post'] = async (door, path, body, headers = {}) => {
    const answer = await request(`https://127.0.0.1:${doors[door].port}${path}`, { method: 'POST', body, headers, dispatcher });
    return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  };
  const statement = (await readFile(connection.softwareStatementFile, 'utf8')).trim();
  const enrolled = await post('agent', '/agent/register', JSON.stringify({ client_name: 'attacker', software_statement: statement }));
  const { client_id: id, client_secret: secret } = JSON.parse(enrolled.body) as { client_id: string; client_secret: string };
  const clusterKey = (await readFile(join(dataDir, 'secrets', 'cluster.key'), 'utf8')).trim();
  const secrets = [connection.clientPassword, secret, statement, clusterKey];
  const tokens = createTokens(keys);
  const connectAgent: Ground['connectAgent'] = async (name) => {
    const token = await tokens.issueAccessToken({ clientId: id, audience: 'agent', lifetimeSeconds: 36_000 }, Date.now());
    const authorization = `Bearer ${token}`;
    const welcome = await post('agent', '/agent/connect', JSON.stringify(greeting({ serverId: serverId(name) })), { authorization });
    const { connectionId } = JSON.parse(welcome.body) as { connectionId: string };
    const url = `https://127.0.0.1:${doors.agent.port}/agent/orders?connectionId=${connectionId}`;
    const orders = await request(url, { headers: { authorization }, dispatcher, bodyTimeout: 0 });
    orders.body.on('error', () => undefined).resume();
    return connectionId;
  };
  return { broker, doors, keys, tokens, agents, agentClient: { id, secret }, secrets, connectAgent, post };
}

/** Versions before the shared keys kept them in this file, which a broker with a new log takes over. So tests can sign what it would sign. */
async function plantSigningKey(dataDir: string): Promise<SigningKeys> {
  const kid = randomUUID();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 });
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid };
  await writeFile(join(dataDir, 'secrets', 'signing-keys.json'), JSON.stringify({ keys: [jwk] }), { mode: 0o600 });
  return { current: { kid, privateKey }, find: async (name) => (name === kid ? publicKey : undefined) };
}

/** A broker does not say where its door for gateways is. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

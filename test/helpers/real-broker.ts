/** A broker and agents as an operator runs them: processes of the build with files of their own. Nothing of them stays when the test is over. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import type { Test } from 'tap';
import { type ConnectionFile, readConnectionFile } from '../../adapters/connection-file.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import { BERTH, type BerthProcess, FREE_PORTS, type ModuleOptions, runModule } from './berth-process.ts';

/** A new folder outside the repository, removed when the test is over and its processes have ended. */
async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export interface RealBroker {
  readonly dataDir: string;
  /** Its ports stay the same when it is started again. */
  readonly connection: ConnectionFile;
  readonly client: ApiClient;
  /** The process that runs now, or ran last. */
  readonly process: BerthProcess;
  /** Resolves when it has ended. SIGKILL unless said otherwise. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it anew, on the same data and ports, and does not wait until it is ready. */
  spawn(): void;
  /** Resolves when the broker that runs now is ready. */
  ready(): Promise<void>;
}

export interface BrokerOptions extends ModuleOptions {
  /** For `berth broker`, beside its folder and ports. */
  readonly flags?: readonly string[];
  /** The data folder of a broker on the same log, whose cluster key this one gets. */
  readonly keyOf?: string;
  /** Absent: a new one. */
  readonly dataDir?: string;
}

/** Resolves when the broker is ready for clients and agents. */
export async function startBroker(t: Test, { flags = [], keyOf, dataDir: given, ...options }: BrokerOptions = {}): Promise<RealBroker> {
  const dataDir = given ?? join(await newFolder(t), 'data');
  if (keyOf !== undefined) {
    await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 });
    await copyFile(join(keyOf, 'secrets', 'cluster.key'), join(dataDir, 'secrets', 'cluster.key'));
  }
  const run = (ports: readonly string[]): BerthProcess =>
    runModule(t, BERTH, ['broker', '--data-dir', dataDir, ...flags, ...ports], options);
  let broker = run(FREE_PORTS);
  let isOver = false;
  await broker.says(READY);
  const connection = await readConnectionFile(dataDir);
  const client = await createApiClient(connection);
  t.teardown(async () => {
    isOver = true;
    await client.close();
  });
  return {
    dataDir,
    connection,
    client,
    get process() {
      return broker;
    },
    async kill(signal = 'SIGKILL') {
      broker.child.kill(signal);
      await broker.ended;
    },
    spawn() {
      // A test that was given up may still be under way here.
      if (isOver) throw new Error('The test is over.');
      broker = run(['--client-port', new URL(connection.url).port, '--agent-port', String(connection.agentPort)]);
    },
    ready: () => broker.says(READY),
  };
}

const READY = 'The broker is ready at ';

/** How a simulated server differs from the first best. */
export interface ServerOptions {
  readonly hostname: string;
  readonly os?: 'linux' | 'windows';
  /** Virtual sessions; -1 is no limit, as with the next. */
  readonly maxVirtualSessions?: number;
  readonly maxSessionsPerUser?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** Of the section `[berth.simulated]`. */
  readonly simulated?: Readonly<Record<string, string | number>>;
}

/** A server's files, and what only its host knows. */
export interface ServerFiles {
  readonly configFile: string;
  /** The sessions alive on the host, from the simulated DCV server's own file. */
  alive(): Promise<readonly LiveSession[]>;
  /** Rejects before its agent has run once. */
  id(): Promise<string>;
}

export interface LiveSession {
  readonly localId: string;
  readonly owner: string;
  readonly sessionType: 'CONSOLE' | 'VIRTUAL';
}

/**
 * Writes the configuration of one agent, which knows the broker and those `others` on the same log; its state goes into a folder beside the
 * broker's, named after the host.
 */
export async function writeServer(
  { dataDir, connection }: RealBroker,
  options: ServerOptions,
  others: readonly RealBroker[] = [],
): Promise<ServerFiles> {
  const { hostname, os = 'linux', maxVirtualSessions = -1, maxSessionsPerUser = -1, tags = {}, simulated = {} } = options;
  const folder = join(dataDir, '..', hostname);
  const state = join(folder, 'state');
  const configFile = join(folder, 'agent.conf');
  await mkdir(join(folder, 'tags'), { recursive: true });
  await writeFile(join(folder, 'tags', 'tags.toml'), stringify(tags));
  const agent = {
    broker_host: [connection, ...others.map((each) => each.connection)].map(({ agentHost, agentPort }) => `${agentHost}:${agentPort}`),
    broker_port: connection.agentPort,
    ca_file: connection.caFile,
    software_statement_path: connection.softwareStatementFile,
    tags_folder: join(folder, 'tags'),
    max_virtual_sessions: maxVirtualSessions,
    max_concurrent_sessions_per_user: maxSessionsPerUser,
  };
  const host = { hostname, os_family: os, latency_ms_min: 0, latency_ms_max: 20, ...simulated };
  const berth = { driver: 'simulated', state_folder: state, simulated: host };
  await writeFile(configFile, stringify({ version: '0.1', agent, log: { directory: '-' }, berth }));
  return {
    configFile,
    alive: async () => JSON.parse(await readFile(join(state, 'simulated-sessions.json'), 'utf8').catch(() => '[]')),
    id: async () => (await readFile(join(state, 'server-id'), 'utf8')).trim(),
  };
}

/** `berth agent` for this server. It says nothing when it is ready: ask the broker for its servers. */
export function startAgent(t: Test, { configFile }: ServerFiles, options: ModuleOptions = {}): BerthProcess {
  return runModule(t, BERTH, ['agent', '--config', configFile], options);
}

/** A broker, a host with a stand-in for its DCV server, and between them an agent, as an operator runs them. */
import { stringify } from 'smol-toml';
import type { Test } from 'tap';
import type { Server } from '../../adapters/wire/servers.ts';
import type { CreateSessionRequestData, Session } from '../../adapters/wire/sessions.ts';
import { BERTH, type BerthProcess, runModule } from './berth-process.ts';
import { createDcvHost, type DcvHost } from './dcv-host.ts';
import { type RealBroker, startBroker } from './real-broker.ts';
import { pause } from './until.ts';

export interface Place {
  readonly broker: RealBroker;
  readonly host: DcvHost;
  startAgent(): BerthProcess;
}

/** The agent's file is what an operator writes at the least, but for folders of its own and room for more than one session. `through`: the port on the way to the broker. */
export async function place(t: Test, through?: (broker: RealBroker) => Promise<number>): Promise<Place> {
  const broker = await startBroker(t, { bare: true });
  const host = createDcvHost(t);
  const { agentHost, agentPort, caFile, softwareStatementFile } = broker.connection;
  const agent = {
    broker_host: agentHost,
    broker_port: through === undefined ? agentPort : await through(broker),
    ca_file: caFile,
    software_statement_path: softwareStatementFile,
    dcv_root: host.dcvPath,
    init_folder: host.initFolder,
    autorun_folder: host.autorunFolder,
    max_concurrent_sessions_per_user: -1,
  };
  const configFile = host.write(
    'agent.conf',
    stringify({ version: '0.1', agent, log: { directory: '-' }, berth: { state_folder: host.stateFolder } }),
  );
  return { broker, host, startAgent: () => runModule(t, BERTH, ['agent', '--config', configFile], { bare: true }) };
}

const PATIENCE_MS = 60_000;

/** Asks again and again. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(100)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`Waited in vain: ${what}`);
}

export async function become(broker: RealBroker, id: string, fits: (session: Session) => boolean): Promise<Session> {
  return eventually(`session ${id}`, async () => (await broker.client.describeSessions({ SessionIds: [id] })).find(fits));
}

export const serverWith = (broker: RealBroker, fits: (server: Server) => boolean): Promise<Server> =>
  eventually('the server', async () => (await broker.client.describeServers()).find(fits));

export async function create({ broker }: Place, item: Partial<CreateSessionRequestData> = {}): Promise<string> {
  const answer = await broker.client.createSessions([{ Name: 'desk', Owner: 'ann', Type: 'VIRTUAL', ...item }]);
  const id = answer.SuccessfulList?.[0]?.Id;
  if (typeof id !== 'string') throw new Error(JSON.stringify(answer.UnsuccessfulList));
  return id;
}

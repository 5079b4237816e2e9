/** A real agent with a simulated host, its state in a folder of its own, connected over HTTPS. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../adapters/logging.ts';
import { systemClock, systemRandom } from '../../adapters/system.ts';
import type { Resolve } from '../../agent/brokers.ts';
import { type AgentConfig, parseAgentConfig } from '../../agent/config.ts';
import { createSimulatedDriver, type SimulatedDriver } from '../../agent/drivers/simulated.ts';
import { createFileShelf } from '../../agent/drivers/simulated-sessions.ts';
import { type RunningAgent, runAgent } from '../../agent/main.ts';
import { STATEMENT, type TestBroker } from './agent-broker.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface RealAgent extends RunningAgent {
  readonly driver: SimulatedDriver;
  readonly config: AgentConfig;
  readonly log: ReturnType<typeof recordingLogger>;
}

export interface RealAgentOptions {
  readonly folder?: string;
  /** Lines of the section `[berth]`. */
  readonly extra?: string;
  /** Null: it has none. */
  readonly statement?: string | null;
  readonly tlsStrict?: boolean;
  /** As in agent.conf; absent: the broker at its loopback address. */
  readonly brokerHost?: string;
  readonly resolve?: Resolve;
  /** Lines of the section `[berth.simulated]`. */
  readonly simulated?: string;
  /** Seconds. */
  readonly updateInterval?: number;
}

export async function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'berth-agent-'));
}

/** `folder` of a former agent makes this one its restart. */
export async function startRealAgent(
  broker: Pick<TestBroker, 'port' | 'caFile'>,
  {
    folder,
    extra = '',
    statement = STATEMENT,
    tlsStrict = true,
    brokerHost = '127.0.0.1',
    resolve,
    updateInterval = 1,
    simulated = '',
  }: RealAgentOptions = {},
): Promise<RealAgent> {
  const stateFolder = folder ?? (await newFolder());
  const statementPath = join(stateFolder, 'statement');
  await writeFile(statementPath, `${statement}\n`);
  const config = parseAgentConfig(`
version = '0.1'
[agent]
broker_host = '${brokerHost}'
broker_port = ${broker.port}
ca_file = '${broker.caFile}'
tls_strict = ${tlsStrict}
${statement === null ? '' : `software_statement_path = '${statementPath}'`}
tags_folder = '${stateFolder}'
broker_update_interval = ${updateInterval}
[berth]
driver = 'simulated'
state_folder = '${stateFolder}'
${extra}
[berth.simulated]
hostname = 'host-1'
latency_ms_min = 0
latency_ms_max = 5
${simulated}
`);
  const log = recordingLogger();
  const shelf = createFileShelf(join(stateFolder, 'simulated-sessions.json'));
  const driver = await createSimulatedDriver(config.simulated, { shelf, clock: systemClock, random: systemRandom });
  const agent = await runAgent(config, { clock: systemClock, random: systemRandom, logger: log, driver, resolve });
  return { ...agent, driver, config, log };
}

/** The simulated servers that `berth start` brings up: what each is like, and the files its agent is told that with. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import type { ConnectionFile } from '../connection-file.ts';
import { PRIVATE_MODE, replaceFile } from '../files.ts';

export interface SimulatedServer {
  readonly hostname: string;
  readonly os: 'linux' | 'windows';
  readonly cpus: number;
  readonly memoryGib: number;
  readonly gpus: number;
  /** Slots for virtual sessions; -1 is no limit. Windows has one console session instead. */
  readonly maxVirtualSessions: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** The first three are different on purpose, so that requirements have something to choose from. The others are variations of them. */
const MODELS: readonly SimulatedServer[] = [
  {
    hostname: 'linux',
    os: 'linux',
    cpus: 8,
    memoryGib: 32,
    gpus: 0,
    maxVirtualSessions: 10,
    tags: { team: 'engineering', tier: 'standard' },
  },
  {
    hostname: 'linux',
    os: 'linux',
    cpus: 32,
    memoryGib: 128,
    gpus: 2,
    maxVirtualSessions: 4,
    tags: { team: 'simulation', tier: 'gpu' },
  },
  {
    hostname: 'windows',
    os: 'windows',
    cpus: 16,
    memoryGib: 64,
    gpus: 1,
    maxVirtualSessions: -1,
    tags: { team: 'design', tier: 'standard' },
  },
];
/** More than an agent allows by default, so that whoever tries things out alone is not stopped at the second session. */
const SESSIONS_PER_USER = 10;
const TEAMS = ['engineering', 'simulation', 'design', 'research', 'training'];

/** Server `number` (from 1 on) is the same at every start. */
export function simulatedServer(number: number): SimulatedServer {
  const model = MODELS[(number - 1) % MODELS.length] as SimulatedServer;
  const round = Math.floor((number - 1) / MODELS.length);
  const team = TEAMS[(number - 1) % TEAMS.length] as string;
  const varied = { cpus: model.cpus << (round % 3), memoryGib: model.memoryGib << (round % 3), tags: { ...model.tags, team } };
  return { ...model, ...(round > 0 && varied), hostname: `${model.hostname}-${number}` };
}

/** Writes `agent.conf` and the folders of one server below `dataDir`; gives the path of the file. What its agent keeps there stays. */
export async function writeAgentFiles(dataDir: string, number: number, connection: ConnectionFile): Promise<string> {
  const folder = join(dataDir, 'servers', String(number));
  const inFolder = (name: string): string => join(folder, name);
  for (const name of ['init', 'autorun', 'tags', 'state']) await mkdir(inFolder(name), { recursive: true, mode: 0o700 });
  const { hostname, os, cpus, memoryGib, gpus, maxVirtualSessions, tags } = simulatedServer(number);
  const settings = {
    version: '0.1',
    agent: {
      broker_host: connection.agentHost,
      broker_port: connection.agentPort,
      ca_file: connection.caFile,
      software_statement_path: connection.softwareStatementFile,
      init_folder: inFolder('init'),
      autorun_folder: inFolder('autorun'),
      tags_folder: inFolder('tags'),
      max_virtual_sessions: maxVirtualSessions,
      max_concurrent_sessions_per_user: SESSIONS_PER_USER,
    },
    log: { directory: inFolder('log') },
    berth: {
      driver: 'simulated',
      state_folder: inFolder('state'),
      simulated: { hostname, os_family: os, cpus, memory_gib: memoryGib, gpus },
    },
  };
  await replaceFile(inFolder('agent.conf'), `${stringify(settings)}\n`, PRIVATE_MODE);
  await replaceFile(join(inFolder('tags'), 'berth.toml'), `${stringify(tags)}\n`, PRIVATE_MODE);
  return inFolder('agent.conf');
}

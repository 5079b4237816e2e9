/** What the commands can be told, as text. */
import { type BrokerConfig, brokerConfig } from '../config.ts';
import { settingsFromEnvironment } from '../settings/environment.ts';
import { type Gathered, gatherSettings } from '../settings/gather.ts';
import type { SettingName, Settings } from '../settings/names.ts';

export interface BrokerFlags {
  /** Absent: no configuration file. */
  readonly config?: string;
  readonly dataDir?: string;
  readonly eventLog?: string;
  readonly streamPrefix?: string;
  readonly host?: string;
  readonly clientPort?: string;
  readonly agentPort?: string;
  readonly gatewayPort?: string;
  readonly logLevel?: string;
}

export interface StartFlags extends BrokerFlags {
  readonly servers: string;
}

/** Where the log is that a command reads; at most one of them. */
export interface LogFlags {
  /** Absent: where `berth broker` keeps its data. */
  readonly dataDir?: string;
  /** `esdb://…` */
  readonly log?: string;
  /** Before the names of its streams there; absent: nothing. */
  readonly streamPrefix?: string;
  /** The folder of its archives; absent: that of the data folder. */
  readonly archive?: string;
}

/** How a command says what it found. */
export interface OutputFlags {
  /** Absent: as suits where the output goes. */
  readonly json?: boolean;
}

export interface AgentFlags {
  /** Absent: where the original has it. */
  readonly config?: string;
  /** Absent: as its configuration says. */
  readonly logLevel?: string;
}

export interface AgentCheckFlags extends OutputFlags {
  /** Absent: where the original has it. */
  readonly config?: string;
  /** Absent: where the DCV server has it. */
  readonly dcvConf?: string;
  readonly enrol?: boolean;
}

export interface DescribeFlags extends LogFlags {
  /** Absent: the default settings. */
  readonly config?: string;
  readonly asOf?: string;
  readonly id?: readonly string[];
  /** `key=value` */
  readonly filter?: readonly string[];
}

export interface CopyFlags extends OutputFlags {
  readonly fromPrefix?: string;
  readonly toPrefix?: string;
  /** The folder of the archives of the log that is copied. */
  readonly fromArchive?: string;
}

export interface ArchiveFlags extends LogFlags, OutputFlags {
  /** Absent: the default settings. */
  readonly config?: string;
  /** `90d` */
  readonly olderThan: string;
  readonly to?: string;
  readonly dryRun?: boolean;
}

export interface ReplayFlags extends LogFlags, OutputFlags {
  /** Absent: all of them. */
  readonly model?: string;
  readonly swap?: boolean;
}

export interface BackupFlags extends OutputFlags {
  readonly dataDir?: string;
  readonly to: string;
}

export interface RestoreFlags extends OutputFlags {
  readonly dataDir?: string;
  readonly from: string;
}

/** Where the log and the key are. */
export interface ReplaceKeyFlags {
  /** Absent: no configuration file. */
  readonly config?: string;
  readonly dataDir?: string;
  readonly eventLog?: string;
  readonly streamPrefix?: string;
  readonly force?: boolean;
}

export interface AuditFlags extends LogFlags, OutputFlags {
  readonly actor?: string;
  readonly client?: string;
  readonly owner?: string;
  readonly type?: string;
  readonly from?: string;
  readonly to?: string;
  readonly request?: string;
  readonly csv?: boolean;
  readonly follow?: boolean;
}

export interface VerifyFlags extends LogFlags, OutputFlags {
  /** Files that say what to trust; absent: what the data folder says. */
  readonly evidence?: readonly string[];
}

/** What the file, the environment and the flags say, or ConfigError where the file cannot be read. */
export function gatheredFrom({ config: file, ...flags }: Partial<BrokerFlags>): Promise<Gathered> {
  return gatherSettings({ file, environment: process.env, flags: settingsOf(flags) });
}

/** What that comes to, or ConfigError. A relative folder starts from where the command was given. */
export function configFrom({ settings, problems }: Gathered): BrokerConfig {
  return brokerConfig(settings, process.cwd(), problems);
}

export async function brokerConfigOf(flags: Partial<BrokerFlags>): Promise<BrokerConfig> {
  return configFrom(await gatheredFrom(flags));
}

/** The absolute path of the data folder: of the flag, of the environment, or the default. */
export function dataFolderOf({ dataDir }: Pick<LogFlags, 'dataDir'>): string {
  const told = settingsFromEnvironment(process.env).settings['berth.data-dir'];
  const settings = dataDir === undefined ? { ...(told && { 'berth.data-dir': told }) } : settingsOf({ dataDir });
  return brokerConfig(settings, process.cwd()).dataDir;
}

const NAMES = {
  'berth.data-dir': ['dataDir', '--data-dir'],
  'berth.event-log': ['eventLog', '--event-log'],
  'berth.stream-prefix': ['streamPrefix', '--stream-prefix'],
  'berth.bind-host': ['host', '--host'],
  'client-to-broker-connector-https-port': ['clientPort', '--client-port'],
  'agent-to-broker-connector-https-port': ['agentPort', '--agent-port'],
  'gateway-to-broker-connector-https-port': ['gatewayPort', '--gateway-port'],
  'berth.log-level': ['logLevel', '--log-level'],
} as const satisfies Partial<Record<SettingName, readonly [keyof BrokerFlags, string]>>;

function settingsOf(flags: Partial<Omit<BrokerFlags, 'config'>>): Settings {
  const given = Object.entries(NAMES).flatMap(([name, [flag, from]]) => {
    const value = flags[flag];
    return value === undefined ? [] : [[name, { value, from }] as const];
  });
  return Object.fromEntries(given);
}

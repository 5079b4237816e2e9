/**
 * `agent.conf`: the sections, keys and defaults of the original, and a section of our own for what it has no counterpart of. A file that
 * serves the original serves this agent.
 */
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { parse, type TomlError } from 'smol-toml';
import { z } from 'zod';
import { nearest } from '../adapters/suggest.ts';
import type { BrokerTarget } from './brokers.ts';
import type { SimulatedSettings } from './drivers/simulated.ts';
import { messageOf } from './thrown.ts';

export interface AgentConfig {
  /** One at least. */
  readonly brokers: readonly BrokerTarget[];
  /** PEM; absent: the authorities that Node trusts. */
  readonly caFile?: string | undefined;
  /** False takes any certificate of the broker. */
  readonly tlsStrict: boolean;
  readonly softwareStatementPath?: string | undefined;
  readonly initFolder: string;
  readonly autorunFolder: string;
  /** Read in this order; those that are not there are passed over. */
  readonly tagsFolders: readonly string[];
  /** -1 is no limit, as with the next. */
  readonly maxVirtualSessions: number;
  readonly maxSessionsPerUser: number;
  readonly updateIntervalMs: number;
  /** For the driver of a real server. */
  readonly queryLoggedInUsers: boolean;
  readonly preferredNetworkInterface?: string | undefined;
  readonly dcvPath: string;
  readonly log: LogConfig;
  readonly driver: 'dcv' | 'simulated';
  readonly stateFolder: string;
  /** Facts that may wait for the broker before no new work is taken. */
  readonly outboxLimit: number;
  readonly simulated: SimulatedSettings & { readonly seed?: number | undefined };
}

export interface LogConfig {
  readonly level: 'error' | 'warning' | 'info' | 'debug';
  readonly directory: string;
  readonly rotation: 'daily' | 'hourly';
  readonly maxFileSize: number;
  /** Files kept. */
  readonly rotate: number;
}

/** One sentence a problem, each naming its key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LIBRARY = '/var/lib/dcv-session-manager-agent';
const SETTINGS = '/etc/dcv-session-manager-agent';
const GIBIBYTE = 1024 ** 3;

const text = z.string().min(1);
const limit = z.int().min(-1);

const agentSection = z.strictObject({
  /** One, or several, separated by commas or in an array; each may bring its own port. */
  broker_host: z.union([text, z.array(text).min(1)], 'expected a host, or several'),
  broker_port: z.int().min(1).max(65_535).default(8445),
  ca_file: text.optional(),
  init_folder: text.default(`${LIBRARY}/init`),
  tls_strict: z.boolean().default(true),
  software_statement_path: text.optional(),
  tags_folder: text.optional(),
  autorun_folder: text.default(`${LIBRARY}/autorun`),
  max_virtual_sessions: limit.default(-1),
  max_concurrent_sessions_per_user: limit.default(1),
  /** Seconds. */
  broker_update_interval: z.number().min(1).max(3600).default(30),
  enable_query_logged_in_users: z.boolean().default(false),
  preferred_network_interface: text.optional(),
  dcv_root: text.default('/usr/bin/dcv'),
});

const logSection = z.strictObject({
  level: z.enum(['error', 'warning', 'info', 'debug']).default('info'),
  directory: text.default('/var/log/dcv-session-manager-agent/'),
  rotation: z.enum(['daily', 'hourly']).default('daily'),
  'max-file-size': z.int().min(1).default(10_485_760),
  rotate: z.int().min(0).default(9),
});

const simulatedSection = z.strictObject({
  hostname: text.default(() => hostname()),
  os_family: z.enum(['linux', 'windows', 'macos']).default('linux'),
  ip: z.ipv4().optional(),
  memory_gib: z.number().min(0.125).max(1_000_000).default(16),
  cpus: z.int().min(1).max(1024).default(8),
  gpus: z.int().min(0).max(64).default(0),
  ec2_instance_id: text.optional(),
  latency_ms_min: z.number().min(0).default(200),
  latency_ms_max: z.number().min(0).default(800),
  failure_rate: z.number().min(0).max(1).default(0),
  capacity: limit.default(-1),
  unknown_owners: z.array(text).default(['nobody-here']),
  seed: z.int().optional(),
});

const berthSection = z.strictObject({
  driver: z.enum(['dcv', 'simulated']).default('dcv'),
  state_folder: text.default(`${LIBRARY}/state`),
  outbox_limit: z.int().min(1).max(1_000_000).default(10_000),
  simulated: simulatedSection.prefault({}),
});

const file = z.strictObject({
  version: z.literal('0.1'),
  agent: agentSection,
  log: logSection.prefault({}),
  berth: berthSection.prefault({}),
});

/** The keys of each section, by its path. */
const KEYS = new Map([
  ['', Object.keys(file.shape)],
  ['agent', Object.keys(agentSection.shape)],
  ['log', Object.keys(logSection.shape)],
  ['berth', Object.keys(berthSection.shape)],
  ['berth.simulated', Object.keys(simulatedSection.shape)],
]);

/** Throws a ConfigError that names the file and what is wrong with it. */
export async function loadAgentConfig(path: string): Promise<AgentConfig> {
  const toml = await readFile(path, 'utf8').catch((error) => {
    throw new ConfigError(`The agent's configuration cannot be read: ${messageOf(error)}`);
  });
  try {
    return parseAgentConfig(toml);
  } catch (error) {
    throw new ConfigError(`${path}\n${messageOf(error)}`);
  }
}

/** Throws a ConfigError that lists everything that is wrong with `toml`. */
export function parseAgentConfig(toml: string): AgentConfig {
  const result = file.safeParse(readToml(toml));
  if (!result.success) throw new ConfigError(result.error.issues.flatMap(sentences).join('\n'));
  return configFrom(result.data);
}

function readToml(toml: string): unknown {
  try {
    return parse(toml);
  } catch (error) {
    const { line } = error as TomlError;
    throw new ConfigError(`The file is not TOML in line ${line}: ${messageOf(error).split('\n')[0]}`);
  }
}

function sentences(issue: z.core.$ZodIssue): readonly string[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [`${path}: ${issue.message}`];
  return issue.keys.map((key) => {
    const meant = nearest(key, KEYS.get(path) as string[]);
    const advice = meant === undefined ? '' : `; did you mean ${meant}?`;
    return `${path === '' ? key : `${path}.${key}`}: there is no such key${advice}`;
  });
}

function configFrom({ agent, log, berth }: z.infer<typeof file>): AgentConfig {
  return {
    brokers: brokersFrom(agent),
    caFile: agent.ca_file,
    tlsStrict: agent.tls_strict,
    softwareStatementPath: agent.software_statement_path,
    initFolder: agent.init_folder,
    autorunFolder: agent.autorun_folder,
    // The guide names the one and the shipped file the other.
    tagsFolders: agent.tags_folder === undefined ? [SETTINGS, `${SETTINGS}/tags`] : [agent.tags_folder],
    maxVirtualSessions: agent.max_virtual_sessions,
    maxSessionsPerUser: agent.max_concurrent_sessions_per_user,
    updateIntervalMs: agent.broker_update_interval * 1000,
    queryLoggedInUsers: agent.enable_query_logged_in_users,
    preferredNetworkInterface: agent.preferred_network_interface,
    dcvPath: agent.dcv_root,
    log: {
      level: log.level,
      directory: log.directory,
      rotation: log.rotation,
      maxFileSize: log['max-file-size'],
      rotate: log.rotate,
    },
    driver: berth.driver,
    stateFolder: berth.state_folder,
    outboxLimit: berth.outbox_limit,
    simulated: simulatedFrom(berth.simulated),
  };
}

const MAX_PORT = 65_535;

function brokersFrom({ broker_host, broker_port }: z.infer<typeof agentSection>): readonly BrokerTarget[] {
  const texts = [broker_host].flat().flatMap((part) => part.split(','));
  const hosts = texts.map((part) => part.trim()).filter((part) => part !== '');
  if (hosts.length === 0) throw new ConfigError('agent.broker_host: expected a host, or several');
  return hosts.map((host) => brokerFrom(host, broker_port));
}

/** `name`, `10.0.0.4`, `2001:db8::4`, each of them with `:port` behind it, an IPv6 address in brackets then. */
function brokerFrom(text: string, defaultPort: number): BrokerTarget {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const [, address, name = address, port = defaultPort] = /^(?:\[(.+)\]|([^\s:[\]/]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isRight = name !== undefined && (address === undefined || isIPv6(address)) && Number(port) >= 1 && Number(port) <= MAX_PORT;
  if (isRight) return { host: name, port: Number(port) };
  throw new ConfigError(`agent.broker_host: "${text}" is not a host, with or without :port behind it`);
}

function simulatedFrom(section: z.infer<typeof simulatedSection>): AgentConfig['simulated'] {
  return {
    hostname: section.hostname,
    osFamily: section.os_family,
    ip: section.ip,
    memoryBytes: Math.floor(section.memory_gib * GIBIBYTE),
    cpus: section.cpus,
    gpus: section.gpus,
    awsInstanceId: section.ec2_instance_id,
    latencyMs: { min: section.latency_ms_min, max: Math.max(section.latency_ms_min, section.latency_ms_max) },
    failureRate: section.failure_rate,
    capacity: section.capacity,
    unknownOwners: section.unknown_owners,
    seed: section.seed,
  };
}

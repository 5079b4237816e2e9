/**
 * `agent.conf`: the sections, keys and defaults of the original, and a section of our own for what it has no counterpart of. A file that
 * serves the original serves this agent. Environment variables win over it.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parse, type TomlError } from 'smol-toml';
import { z } from 'zod';
import { nearest } from '../adapters/suggest.ts';
import { brokerTarget } from './broker-target.ts';
import type { BrokerTarget } from './brokers.ts';
import type { SimulatedSettings } from './drivers/simulated.ts';
import { type Environment, type Override, overridesFrom, type Section } from './environment.ts';
import { type PlatformPaths, platformPaths } from './places.ts';
import { messageOf } from './thrown.ts';
import { createLineFinder, MAX_TOML_BYTES, type Path } from './toml-lines.ts';

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
  /** Sentences for the log about what is allowed and hardly meant. */
  readonly warnings: readonly string[];
}

/** What the configuration depends on beside the file. */
export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Environment;
}

export interface LogConfig {
  readonly level: 'error' | 'warning' | 'info' | 'debug';
  /** `-`: no files, everything goes to stderr. */
  readonly directory: string;
  readonly rotation: 'daily' | 'hourly';
  readonly maxFileSize: number;
  /** Older files kept. */
  readonly rotate: number;
}

/** One sentence a problem, each naming its line, or its variable, and its key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const NO_SURROUNDINGS: Surroundings = { platform: 'linux', environment: {} };
/** Seconds; a broker that hears of a server more seldom chooses by old loads. */
const ADVISED_INTERVAL = 120;
const GIBIBYTE = 1024 ** 3;

/** Old log files. */
const MAX_ROTATE = 10_000;

const text = z.string().min(1);
const limit = z.int().min(-1);

const agentSection = z.strictObject({
  /** One, or several, separated by commas or in an array; each may bring its own port. */
  broker_host: z.union([text, z.array(text).min(1)], 'expected a host, or several'),
  broker_port: z.int().min(1).max(65_535).default(8445),
  ca_file: text.optional(),
  init_folder: text.optional(),
  tls_strict: z.boolean().default(true),
  software_statement_path: text.optional(),
  tags_folder: text.optional(),
  autorun_folder: text.optional(),
  max_virtual_sessions: limit.default(-1),
  max_concurrent_sessions_per_user: limit.default(1),
  /** Seconds. */
  broker_update_interval: z.number().min(1).max(3600).default(30),
  enable_query_logged_in_users: z.boolean().default(false),
  preferred_network_interface: text.optional(),
  dcv_root: text.optional(),
});

const logSection = z.strictObject({
  level: z.enum(['error', 'warning', 'info', 'debug']).default('info'),
  directory: text.optional(),
  rotation: z.enum(['daily', 'hourly']).default('daily'),
  'max-file-size': z.int().min(1).default(10_485_760),
  rotate: z.int().min(0).max(MAX_ROTATE).default(9),
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
  state_folder: text.optional(),
  outbox_limit: z.int().min(1).max(1_000_000).default(10_000),
  simulated: simulatedSection.prefault({}),
});

const file = z.strictObject({
  version: z.literal('0.1', "expected '0.1'"),
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

/** Those whose keys can be given in the environment. */
const SECTIONS: readonly Section[] = [
  { path: ['agent'], prefix: '', shape: agentSection.shape },
  { path: ['log'], prefix: 'LOG_', shape: logSection.shape },
  { path: ['berth'], prefix: '', shape: { ...berthSection.omit({ simulated: true }).shape } },
  { path: ['berth', 'simulated'], prefix: 'SIMULATED_', shape: simulatedSection.shape },
];

/** Throws a ConfigError that names the file and what is wrong with it. */
export async function loadAgentConfig(path: string, surroundings: Surroundings = NO_SURROUNDINGS): Promise<AgentConfig> {
  const toml = await readFile(path, 'utf8').catch((error) => {
    throw new ConfigError(`The agent's configuration cannot be read: ${messageOf(error)}`);
  });
  try {
    return parseAgentConfig(toml, surroundings);
  } catch (error) {
    throw new ConfigError(`${path}\n${messageOf(error)}`);
  }
}

/** Throws a ConfigError that lists everything that is wrong with `toml`, and with the variables that win over it. */
export function parseAgentConfig(toml: string, { platform, environment }: Surroundings = NO_SURROUNDINGS): AgentConfig {
  const { overrides, unknown } = overridesFrom(environment, SECTIONS);
  const settings = overrides.reduce<unknown>((given, { path, value }) => withValue(given, path, value), readToml(toml));
  const result = file.safeParse(settings, { reportInput: true });
  const places = placesIn(toml, overrides);
  if (!result.success) throw new ConfigError(result.error.issues.flatMap((issue) => sentences(issue, places)).join('\n'));
  const brokers = brokersFrom(result.data.agent, places);
  return {
    ...configFrom(result.data, platformPaths(platform)),
    brokers,
    warnings: [...unknown, ...warningsAbout(result.data.agent, places)],
  };
}

function readToml(toml: string): object {
  if (toml.length > MAX_TOML_BYTES) throw new ConfigError(`The file is larger than ${MAX_TOML_BYTES} bytes`);
  try {
    return parse(toml);
  } catch (error) {
    const { line } = error as TomlError;
    throw new ConfigError(`Line ${line}: this is not TOML: ${messageOf(error).split('\n')[0]}`);
  }
}

/** A section that is none is complained about as it stands. */
function withValue(settings: unknown, [name, ...inner]: Path, value: unknown): unknown {
  if (name === undefined) return value;
  if (typeof settings !== 'object') return settings;
  return { ...settings, [name]: withValue(Object(settings)[name] ?? {}, inner, value) };
}

/** What a sentence about a key begins with: `Line 7: agent.broker_port`. */
type Places = (path: Path) => string;

function placesIn(toml: string, overrides: readonly Override[]): Places {
  const lineOf = createLineFinder(toml);
  return (path) => {
    const name = path.join('.');
    const variable = overrides.find((override) => override.path.join('.') === name)?.variable;
    if (variable !== undefined) return `${variable} (${name})`;
    const line = lineOf(path) ?? (isIndex(path.at(-1)) ? lineOf(path.slice(0, -1)) : undefined);
    return line === undefined ? name : `Line ${line}: ${name}`;
  };
}

/** Of an array: its parts have no lines of their own. */
const isIndex = (name: string | undefined): boolean => /^\d+$/.test(String(name));

function sentences(issue: z.core.$ZodIssue, places: Places): readonly string[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${places(path)}: ${isMissing(issue) ? 'it is missing' : issue.message}`];
  return issue.keys.map((key) => {
    const meant = nearest(key, KEYS.get(path.join('.')) as string[]);
    const advice = meant === undefined ? '' : `; did you mean ${meant}?`;
    return `${places([...path, key])}: there is no such key${advice}`;
  });
}

const isMissing = ({ input }: z.core.$ZodIssue): boolean => input === undefined;

function warningsAbout(agent: z.infer<typeof agentSection>, places: Places): readonly string[] {
  if (agent.broker_update_interval <= ADVISED_INTERVAL) return [];
  return [`${places(['agent', 'broker_update_interval'])}: more than ${ADVISED_INTERVAL} seconds are not advised`];
}

function configFrom({ agent, log, berth }: z.infer<typeof file>, paths: PlatformPaths): Omit<AgentConfig, 'brokers' | 'warnings'> {
  return {
    caFile: agent.ca_file,
    tlsStrict: agent.tls_strict,
    softwareStatementPath: agent.software_statement_path,
    initFolder: agent.init_folder ?? paths.initFolder,
    autorunFolder: agent.autorun_folder ?? paths.autorunFolder,
    tagsFolders: agent.tags_folder === undefined ? paths.tagsFolders : [agent.tags_folder],
    maxVirtualSessions: agent.max_virtual_sessions,
    maxSessionsPerUser: agent.max_concurrent_sessions_per_user,
    updateIntervalMs: agent.broker_update_interval * 1000,
    queryLoggedInUsers: agent.enable_query_logged_in_users,
    preferredNetworkInterface: agent.preferred_network_interface,
    dcvPath: agent.dcv_root ?? paths.dcvPath,
    log: {
      level: log.level,
      directory: log.directory ?? paths.logFolder,
      rotation: log.rotation,
      maxFileSize: log['max-file-size'],
      rotate: log.rotate,
    },
    driver: berth.driver,
    stateFolder: berth.state_folder ?? paths.stateFolder,
    outboxLimit: berth.outbox_limit,
    simulated: simulatedFrom(berth.simulated),
  };
}

function brokersFrom({ broker_host, broker_port }: z.infer<typeof agentSection>, places: Places): readonly BrokerTarget[] {
  const place = places(['agent', 'broker_host']);
  const texts = [broker_host].flat().flatMap((part) => part.split(','));
  const hosts = texts.map((part) => part.trim()).filter((part) => part !== '');
  if (hosts.length === 0) throw new ConfigError(`${place}: expected a host, or several`);
  return hosts.map((host) => {
    const target = brokerTarget(host, broker_port);
    if (target === undefined) throw new ConfigError(`${place}: "${host}" is not a host, with or without :port behind it`);
    return target;
  });
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

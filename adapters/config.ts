/**
 * What a broker can be told, with names and defaults of the original's `session-manager-broker.properties`. A pure function of the settings: whoever
 * calls it has read the command line and the configuration file.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { POLICY_NAMES, type PolicyName } from '../domain/placement/policies.ts';

export interface BrokerConfig {
  /** Absolute. */
  readonly dataDir: string;
  /** Where the event log is: a connection string, in which a password may be; undefined: in the data folder. */
  readonly eventLog: string | undefined;
  /** Before the names of all streams in an event log that others use too; such as `acme.`, or empty. */
  readonly streamPrefix: string;
  readonly host: string;
  /** 0: any free port. */
  readonly clientPort: number;
  readonly agentPort: number;
  /** By which other brokers reach this one; undefined: as it listens, or by the name of the machine. */
  readonly advertisedHost: string | undefined;
  /** Further names and addresses for the certificate, such as a load balancer's. */
  readonly certificateNames: readonly string[];
  /** Absolute; undefined: in the data folder. */
  readonly clusterKeyFile: string | undefined;
  /** Pixels. */
  readonly screenshotMaxWidth: number;
  readonly screenshotMaxHeight: number;
  readonly screenshotFormat: PictureFormat;
  /** How many sessions may wait for a server, and how long. */
  readonly queueMaxSize: number;
  readonly queueMaxTimeMs: number;
  /** How often a session is tried again on another server after its host failed to make it. */
  readonly createRetries: number;
  /** Which of the servers that could take a session gets it. */
  readonly placementPolicy: PolicyName;
  /** How long facts wait for a signed checkpoint at most. */
  readonly checkpointIntervalMs: number;
  readonly connectionTokenLifetimeMs: number;
  /** How long a deleted session is still described. */
  readonly deletedSessionVisibleMs: number;
  /** How long a host may take to make a session, and to close one. */
  readonly sessionCreationTimeoutMs: number;
  readonly sessionDeletionTimeoutMs: number;
  /** A server that cannot be reached for so long is forgotten. */
  readonly unreachableServerMs: number;
  /** Its sessions are deleted after so long; undefined: they are kept, as UNKNOWN. */
  readonly unreachableSessionsMs: number | undefined;
  readonly autorunArgumentsMax: number;
  /** Characters. */
  readonly autorunArgumentMaxLength: number;
}

/** One value as text, and where it was said, for the message when it is wrong: `--client-port`. */
export interface Setting {
  readonly value: string;
  readonly from: string;
}

export type Settings = Readonly<Partial<Record<SettingName, Setting>>>;

/** Something was set to what it cannot be. The message names the setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const DEFAULTS = {
  'berth.data-dir': 'berth-data',
  'event-log': '',
  'berth.stream-prefix': '',
  'berth.bind-host': '127.0.0.1',
  'berth.advertised-host': '',
  'berth.certificate-names': '',
  'berth.cluster-key-file': '',
  'client-to-broker-connector-https-port': '8443',
  'agent-to-broker-connector-https-port': '8445',
  'session-screenshot-max-width': '160',
  'session-screenshot-max-height': '100',
  'session-screenshot-format': 'png',
  'create-sessions-queue-max-size': '1000',
  'create-sessions-queue-max-time-seconds': '1800',
  'create-sessions-number-of-retries-on-failure': '2',
  'berth.placement-policy': 'least-loaded',
  'berth.checkpoint-interval-seconds': '60',
  'connect-session-token-duration-minutes': '60',
  'delete-session-duration-seconds': '3600',
  'berth.session-creation-timeout-seconds': '300',
  'berth.session-deletion-timeout-seconds': '300',
  'seconds-before-deleting-unreachable-dcv-server': '1800',
  'seconds-before-deleting-sessions-unreachable-server': '',
  'autorun-file-arguments-max-size': '50',
  'autorun-file-arguments-max-argument-length': '150',
} as const;

export type SettingName = keyof typeof DEFAULTS;

/** All that may stand in a configuration file. */
export const SETTINGS = Object.keys(DEFAULTS) as readonly SettingName[];

const PICTURE_FORMATS = ['png', 'jpeg'] as const;
type PictureFormat = (typeof PICTURE_FORMATS)[number];

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_SECONDS = 24 * 60 * 60;
const YEAR_SECONDS = 365 * DAY_SECONDS;

/** `workingFolder` is what a relative `berth.data-dir` starts from. Throws ConfigError for the first setting that cannot be. */
export function brokerConfig(settings: Settings, workingFolder: string): BrokerConfig {
  const read = (name: SettingName): Setting => settings[name] ?? { value: DEFAULTS[name], from: name };
  const whole = (name: SettingName, least: number, most: number): number => wholeNumber(read(name), least, most);
  return {
    dataDir: resolve(workingFolder, text(read('berth.data-dir'))),
    eventLog: eventLog(read('event-log')),
    streamPrefix: streamPrefix(read('berth.stream-prefix')),
    host: text(read('berth.bind-host')),
    clientPort: whole('client-to-broker-connector-https-port', 0, 65_535),
    agentPort: whole('agent-to-broker-connector-https-port', 0, 65_535),
    advertisedHost: hosts(read('berth.advertised-host'), 1)[0],
    certificateNames: hosts(read('berth.certificate-names'), 100),
    clusterKeyFile: path(read('berth.cluster-key-file'), workingFolder),
    screenshotMaxWidth: whole('session-screenshot-max-width', 1, 8192),
    screenshotMaxHeight: whole('session-screenshot-max-height', 1, 8192),
    screenshotFormat: oneOf(read('session-screenshot-format'), PICTURE_FORMATS),
    queueMaxSize: whole('create-sessions-queue-max-size', 0, 1_000_000),
    queueMaxTimeMs: whole('create-sessions-queue-max-time-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    createRetries: whole('create-sessions-number-of-retries-on-failure', 0, 100),
    placementPolicy: oneOf(read('berth.placement-policy'), POLICY_NAMES),
    checkpointIntervalMs: whole('berth.checkpoint-interval-seconds', 1, DAY_SECONDS) * SECOND_MS,
    connectionTokenLifetimeMs: whole('connect-session-token-duration-minutes', 1, YEAR_SECONDS / 60) * MINUTE_MS,
    deletedSessionVisibleMs: whole('delete-session-duration-seconds', 0, YEAR_SECONDS) * SECOND_MS,
    sessionCreationTimeoutMs: whole('berth.session-creation-timeout-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    sessionDeletionTimeoutMs: whole('berth.session-deletion-timeout-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    unreachableServerMs: whole('seconds-before-deleting-unreachable-dcv-server', 1, YEAR_SECONDS) * SECOND_MS,
    unreachableSessionsMs: seconds(read('seconds-before-deleting-sessions-unreachable-server')),
    autorunArgumentsMax: whole('autorun-file-arguments-max-size', 0, 10_000),
    autorunArgumentMaxLength: whole('autorun-file-arguments-max-argument-length', 1, 100_000),
  };
}

/** Also what the command line reads its own numbers with. */
export function wholeNumber({ value, from }: Setting, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value.trim()) && number >= least && number <= most) return number;
  throw new ConfigError(`${from} must be a whole number from ${least} to ${most}, not "${value}".`);
}

/** Milliseconds; empty is off. */
function seconds(setting: Setting): number | undefined {
  return setting.value.trim() === '' ? undefined : wholeNumber(setting, 1, YEAR_SECONDS) * SECOND_MS;
}

function text({ value, from }: Setting): string {
  if (value.trim() !== '') return value;
  throw new ConfigError(`${from} must not be empty.`);
}

function path({ value }: Setting, workingFolder: string): string | undefined {
  return value.trim() === '' ? undefined : resolve(workingFolder, value);
}

/** The value is not repeated in the message, because it may hold a password. */
export function eventLog({ value, from }: Setting): string | undefined {
  const address = value.trim();
  if (address === '' || SERVER_ADDRESS.test(address)) return address === '' ? undefined : address;
  throw new ConfigError(`${from} must be the address of an EventStoreDB or KurrentDB, such as esdb://host:2113.`);
}

/** As EventStoreDB's clients write it. */
const SERVER_ADDRESS = /^(?:esdb|kurrentdb)(?:\+discover)?:\/\/[^/?]/;

export function streamPrefix({ value, from }: Setting): string {
  const prefix = value.trim();
  if (STREAM_PREFIX.test(prefix)) return prefix;
  throw new ConfigError(`${from} must consist of letters, digits and "_" and end with a dot, such as "acme.", not "${value}".`);
}

/** No `-`: EventStoreDB groups streams by what stands before the first one. */
const STREAM_PREFIX = /^(?:[A-Za-z0-9_]+\.)*$/;

const HOST_NAME = /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u;

/** Names and addresses, separated by commas. */
function hosts({ value, from }: Setting, most: number): readonly string[] {
  const items = value.split(',').map((item) => item.trim());
  const named = items.filter((item) => item !== '');
  const wrong = named.find((item) => isIP(item) === 0 && !HOST_NAME.test(item)) ?? named[most];
  if (wrong === undefined) return named;
  throw new ConfigError(
    `${from} must be ${most === 1 ? 'a host name or an address' : `up to ${most} host names and addresses, separated by commas`}, not "${value}".`,
  );
}

/** Capital letters do not matter. */
function oneOf<T extends string>({ value, from }: Setting, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new ConfigError(`${from} must be ${allowed.join(' or ')}, not "${value}".`);
}

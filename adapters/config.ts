/**
 * What a broker can be told, with names and defaults of the original's `session-manager-broker.properties`. A pure function of the settings: whoever
 * calls it has gathered them (settings/gather.ts).
 */
import { resolve } from 'node:path';
import { POLICY_NAMES, type PolicyName } from '../domain/placement/policies.ts';
import { type LogFileSettings, ROTATIONS } from './log-file.ts';
import { LOG_LEVELS, type LogLevel } from './logging.ts';
import { type SettingName, type Settings, settingOf } from './settings/names.ts';
import { createReading, type Reading } from './settings/reading.ts';
import type { Setting } from './settings/setting.ts';
import { eventLog, hosts, oneOf, otlpEndpoint, path, scopes, streamPrefix, text, trueOrFalse, wholeNumber } from './settings/values.ts';

/** Where one kind of caller connects. */
export interface Door {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The operator's own certificate; undefined: one of the broker's authority. */
  readonly keyStore: StoreFile | undefined;
}

export interface GatewayDoor extends Door {
  /** Who may sign the certificates that gateways have to show; undefined: they need not. */
  readonly trustStore: StoreFile | undefined;
}

/** A file with keys or certificates, and how its user called it and its password. */
export interface StoreFile {
  /** Absolute. */
  readonly file: string;
  /** Empty where there is none. */
  readonly password: string;
  readonly fileFrom: string;
  readonly passwordFrom: string;
}

export interface BrokerConfig {
  /** Absolute. */
  readonly dataDir: string;
  /** Where the event log is: a connection string, in which a password may be; undefined: in the data folder. */
  readonly eventLog: string | undefined;
  /** Before the names of all streams in an event log that others use too; such as `acme.`, or empty. */
  readonly streamPrefix: string;
  /** Where clients of the API connect, and where agents do. */
  readonly clients: Door;
  readonly agents: Door;
  /** Where connection gateways ask for sessions; undefined: nowhere. */
  readonly gateways: GatewayDoor | undefined;
  /** Whether callers of the API need a token, and whether it can be had here. */
  readonly apiAuthorization: boolean;
  readonly authorizationServer: boolean;
  /** What tokens of authorization servers elsewhere have to be for; undefined: for anything. */
  readonly requiredAudience: string | undefined;
  /** The scopes that they must have, all of them. */
  readonly requiredScopes: readonly string[];
  /** What the scopes of this API in such tokens are: nothing, or all that the token is good for. */
  readonly externalScopes: ExternalScopes;
  /** Whether agents have to be enrolled. */
  readonly agentAuthorization: boolean;
  readonly servesApiYaml: boolean;
  /** Of one caller of the API. */
  readonly maxRequestsPerSecond: number;
  /** Whether the address of a caller is what `X-Forwarded-For` says. */
  readonly trustsForwardedFor: boolean;
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
  /** Who may ask for metrics: programs on this machine and clients, everybody, or nobody. */
  readonly metrics: MetricsReach;
  readonly logLevel: LogLevel;
  /** Undefined: lines go to stderr. */
  readonly logFiles: Omit<LogFileSettings, 'program'> | undefined;
  /** Where traces are sent, without the path for them; a password may be in it. Undefined: there are none. */
  readonly otlpEndpoint: string | undefined;
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

const PICTURE_FORMATS = ['png', 'jpeg'] as const;
type PictureFormat = (typeof PICTURE_FORMATS)[number];

const EXTERNAL_SCOPES = ['ignored', 'enforced'] as const;
type ExternalScopes = (typeof EXTERNAL_SCOPES)[number];

const METRICS_REACH = ['local', 'open', 'off'] as const;
type MetricsReach = (typeof METRICS_REACH)[number];

const MAX_LOG_BYTES = 1024 ** 4;
const MAX_LOG_FILES = 10_000;

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_SECONDS = 60 * 60;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const YEAR_SECONDS = 365 * DAY_SECONDS;

/**
 * `workingFolder` is what relative paths start from; `problems` are those of gathering the settings. Throws ConfigError with a line for each thing that
 * cannot be.
 */
export function brokerConfig(settings: Settings, workingFolder: string, problems: readonly string[] = []): BrokerConfig {
  const reading = createReading(settings, problems);
  const { as } = reading;
  const whole = (name: SettingName, least: number, most: number): number => as(name, (setting) => wholeNumber(setting, least, most));
  const config: BrokerConfig = {
    dataDir: as('berth.data-dir', (setting) => resolve(workingFolder, text(setting))),
    eventLog: as('berth.event-log', eventLog),
    streamPrefix: as('berth.stream-prefix', streamPrefix),
    ...doors(settings, reading, workingFolder),
    apiAuthorization: as('enable-authorization', trueOrFalse),
    authorizationServer: as('enable-authorization-server', trueOrFalse),
    requiredAudience: as('berth.required-audience', (setting) => setting.value.trim() || undefined),
    requiredScopes: as('berth.required-scope', scopes),
    externalScopes: as('berth.external-scopes', (setting) => oneOf(setting, EXTERNAL_SCOPES)),
    agentAuthorization: as('enable-agent-authorization', trueOrFalse),
    servesApiYaml: as('enable-api-yaml', trueOrFalse),
    maxRequestsPerSecond: whole('max-api-requests-per-second', 1, 1_000_000),
    trustsForwardedFor: as('enable-throttling-forwarded-for-header', trueOrFalse),
    advertisedHost: as('berth.advertised-host', (setting) => hosts(setting, 1))?.[0],
    certificateNames: as('berth.certificate-names', (setting) => hosts(setting, 100)),
    clusterKeyFile: as('berth.cluster-key-file', (setting) => path(setting, workingFolder)),
    screenshotMaxWidth: whole('session-screenshot-max-width', 1, 8192),
    screenshotMaxHeight: whole('session-screenshot-max-height', 1, 8192),
    screenshotFormat: as('session-screenshot-format', (setting) => oneOf(setting, PICTURE_FORMATS)),
    queueMaxSize: whole('create-sessions-queue-max-size', 0, 1_000_000),
    queueMaxTimeMs: whole('create-sessions-queue-max-time-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    createRetries: whole('create-sessions-number-of-retries-on-failure', 0, 100),
    placementPolicy: as('berth.placement-policy', (setting) => oneOf(setting, POLICY_NAMES)),
    metrics: as('berth.metrics', (setting) => oneOf(setting, METRICS_REACH)),
    ...logging(reading, workingFolder),
    otlpEndpoint: as('berth.otlp-endpoint', otlpEndpoint),
    checkpointIntervalMs: whole('berth.checkpoint-interval-seconds', 1, DAY_SECONDS) * SECOND_MS,
    connectionTokenLifetimeMs: whole('connect-session-token-duration-minutes', 1, YEAR_SECONDS / 60) * MINUTE_MS,
    deletedSessionVisibleMs: deletedVisibleSeconds(settings, whole) * SECOND_MS,
    sessionCreationTimeoutMs: whole('berth.session-creation-timeout-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    sessionDeletionTimeoutMs: whole('berth.session-deletion-timeout-seconds', 1, YEAR_SECONDS) * SECOND_MS,
    unreachableServerMs: whole('seconds-before-deleting-unreachable-dcv-server', 1, YEAR_SECONDS) * SECOND_MS,
    unreachableSessionsMs: as('seconds-before-deleting-sessions-unreachable-server', seconds),
    autorunArgumentsMax: whole('autorun-file-arguments-max-size', 0, 10_000),
    autorunArgumentMaxLength: whole('autorun-file-arguments-max-argument-length', 1, 100_000),
  };
  reading.end();
  return config;
}

/** Milliseconds; empty is off. */
function seconds(setting: Setting): number | undefined {
  return setting.value.trim() === '' ? undefined : wholeNumber(setting, 1, YEAR_SECONDS) * SECOND_MS;
}

/** The setting in hours is older, and counts as long as the one in seconds is not set. */
function deletedVisibleSeconds(settings: Settings, whole: (name: SettingName, least: number, most: number) => number): number {
  const hours = whole('delete-session-duration-hours', 0, YEAR_SECONDS / HOUR_SECONDS);
  return settings['delete-session-duration-seconds'] === undefined
    ? hours * HOUR_SECONDS
    : whole('delete-session-duration-seconds', 0, YEAR_SECONDS);
}

function logging({ as }: Reading, workingFolder: string): Pick<BrokerConfig, 'logLevel' | 'logFiles'> {
  const directory = as('berth.log-directory', (setting) => (setting.value.trim() === '-' ? undefined : path(setting, workingFolder)));
  const level = as('berth.log-level', (setting) => (setting.value.trim() === '' ? undefined : oneOf(setting, LOG_LEVELS)));
  const files = {
    rotation: as('berth.log-rotation', (setting) => oneOf(setting, ROTATIONS)),
    maxFileSize: as('berth.log-max-file-size', (setting) => wholeNumber(setting, 1, MAX_LOG_BYTES)),
    rotate: as('berth.log-rotate', (setting) => wholeNumber(setting, 0, MAX_LOG_FILES)),
  };
  // A terminal is to stay quiet; files are there to be searched.
  if (directory === undefined) return { logLevel: level ?? 'warn', logFiles: undefined };
  return { logLevel: level ?? 'info', logFiles: { directory, ...files } };
}

function doors(settings: Settings, reading: Reading, workingFolder: string): Pick<BrokerConfig, 'clients' | 'agents' | 'gateways'> {
  const { as } = reading;
  const store = (kind: DoorKind, what: 'key-store' | 'trust-store'): StoreFile | undefined => {
    const [fileName, passwordName] = [`${kind}-to-broker-connector-${what}-file`, `${kind}-to-broker-connector-${what}-pass`] as StoreNames;
    const [file, { value: password, from: passwordFrom }] = [settingOf(settings, fileName), settingOf(settings, passwordName)];
    const found = path(file, workingFolder);
    return found === undefined ? undefined : { file: found, password, fileFrom: file.from, passwordFrom };
  };
  const door = (kind: DoorKind): Door => ({
    host: as(`${kind}-to-broker-connector-bind-host`, text),
    port: as(`${kind}-to-broker-connector-https-port`, (setting) => wholeNumber(setting, 0, 65_535)),
    keyStore: store(kind, 'key-store'),
  });
  const gateways = door('gateway');
  const trustStore = store('gateway', 'trust-store');
  const asksGateways = as('enable-tls-client-auth-gateway', trueOrFalse);
  if (asksGateways && trustStore === undefined) {
    const { from } = settingOf(settings, 'enable-tls-client-auth-gateway');
    reading.problem(`${from} is true, so gateway-to-broker-connector-trust-store-file must say which authorities sign their certificates.`);
  }
  return {
    clients: door('client'),
    agents: door('agent'),
    gateways: as('enable-gateway', trueOrFalse) ? { ...gateways, trustStore: asksGateways ? trustStore : undefined } : undefined,
  };
}

type DoorKind = 'client' | 'agent' | 'gateway';
type StoreNames = [SettingName, SettingName];

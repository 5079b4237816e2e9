/**
 * Which broker a command of the client talks to, and as whom: the command line, then the environment, then the configuration file, under the
 * original's names. What none of them says about the broker is in the `connection.json` of the broker on this machine.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CONNECTION_FILE, type ConnectionFile, readConnectionFile } from '../connection-file.ts';
import { ClientFault, EXIT } from './client-fault.ts';
import { type Environment, type FileKey, readSettingsFile, type SettingsFile, usualFile } from './settings-file.ts';

export interface ClientFlags {
  readonly conf?: string;
  readonly brokerUrl?: string;
  readonly authServerUrl?: string;
  /** `--no-verify-ssl` makes it false. */
  readonly verifySsl?: boolean;
  readonly caBundle?: string;
  readonly dataDir?: string;
  readonly outputFormat?: string;
  readonly debug?: boolean;
}

export interface ClientSettings {
  /** Without a slash at the end. */
  readonly brokerUrl: string;
  readonly access: { readonly token: string } | ClientCredentials;
  /** PEM of those who are trusted; undefined: whom the system trusts. */
  readonly ca: string | undefined;
  /** False: certificates are not looked at. */
  readonly verify: boolean;
  /** Undefined: as suits where the output goes. */
  readonly format: OutputFormat | undefined;
  readonly debug: boolean;
}

export interface ClientCredentials {
  readonly authServerUrl: string;
  readonly id: string;
  readonly password: string;
}

const FORMATS = ['json', 'table'] as const;
export type OutputFormat = (typeof FORMATS)[number];

/** What was said, by its place. */
interface Sources {
  readonly flags: ClientFlags;
  readonly env: Environment;
  readonly file: SettingsFile;
}

/** Throws ClientFault with what is missing and where it could be said. */
export async function clientSettings(flags: ClientFlags, env: Environment): Promise<ClientSettings> {
  refuseContradictions(flags);
  const sources: Sources = { flags, env, file: await readSettingsFile(flags.conf, env) };
  const named = flags.dataDir === undefined ? (flags.brokerUrl ?? saidInFile(sources, 'broker.url')) : undefined;
  const local = named === undefined ? await localBroker(sources) : undefined;
  const broker = url(sources, { value: named ?? String(local?.url), from: flags.brokerUrl === undefined ? 'broker.url' : '--broker-url' });
  const brokerUrl = broker.replace(/\/+$/, '');
  const verify = !isUnverified(sources);
  return {
    brokerUrl,
    access: access(sources, brokerUrl, local),
    ca: verify ? await trusted(sources, local) : undefined,
    verify,
    format: format(sources),
    debug: flags.debug ?? flag(sources, 'output.debug'),
  };
}

function refuseContradictions({ dataDir, brokerUrl, verifySsl, caBundle }: ClientFlags): void {
  if (dataDir !== undefined && brokerUrl !== undefined) throw usage('Give --broker-url or --data-dir, not both.');
  if (verifySsl === false && caBundle !== undefined) throw usage('Give --ca-bundle or --no-verify-ssl, not both.');
}

const usage = (message: string): ClientFault => new ClientFault(EXIT.usage, message);
const misconfigured = (message: string, cause?: unknown): ClientFault => new ClientFault(EXIT.configuration, message, { cause });

const saidInFile = ({ file }: Sources, key: FileKey): string | undefined => file.values.get(key)?.value;

/** For messages. */
const placeOf = ({ file }: Sources, key: FileKey): string => file.values.get(key)?.from ?? key;

async function localBroker({ flags, env, file }: Sources): Promise<ConnectionFile> {
  const folder = resolve(flags.dataDir ?? 'berth-data');
  try {
    return await readConnectionFile(folder);
  } catch (cause) {
    const path = join(folder, CONNECTION_FILE);
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw misconfigured(`${path} cannot be read: ${(cause as Error).message}. Run this as the user whose broker it is.`, cause);
    }
    if (flags.dataDir !== undefined) throw misconfigured(`There is no ${path}; --data-dir is the data folder of a broker on this machine.`);
    const conf = file.path ?? usualFile(env);
    throw misconfigured(
      `No broker is named, and none on this machine left its ${CONNECTION_FILE} in ${folder}. Give --broker-url, write url into section [broker] of ${conf}, or give the broker's --data-dir.`,
    );
  }
}

interface Named {
  readonly value: string;
  /** A flag or variable, or a key of the file. */
  readonly from: string;
}

/** Passwords and tokens go there, so nothing but TLS will do beyond this machine. */
function url(sources: Sources, { value, from }: Named): string {
  const place = from.includes('.') ? placeOf(sources, from as FileKey) : from;
  const wrong = (why: string) => (place.startsWith('--') ? usage(`${place} ${why}`) : misconfigured(`${place} ${why}`));
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) throw wrong('must be an address such as https://broker:8443.');
  if (parsed.protocol === 'http:' && !LOOPBACK.test(parsed.hostname))
    throw wrong('must begin with https://, or credentials could be read on the way.');
  return value;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function access(sources: Sources, brokerUrl: string, local: ConnectionFile | undefined): ClientSettings['access'] {
  const { flags, env } = sources;
  const token = env['DCV_SM_OAUTH2_TOKEN'];
  if (token && flags.dataDir === undefined) return { token };
  const own = {
    id: env['DCV_SM_CLIENT_ID'] || saidInFile(sources, 'authentication.client-id'),
    password: env['DCV_SM_CLIENT_PASSWORD'] || saidInFile(sources, 'authentication.client-password'),
  };
  const hasOwn = flags.dataDir === undefined && (own.id !== undefined || own.password !== undefined);
  // A pair belongs together, and to its server: half of one is not made up with half of another.
  if (local !== undefined && !hasOwn) {
    const { clientId: id, clientPassword: password } = local;
    return { authServerUrl: authServer(sources, flags.authServerUrl, undefined) ?? ownEndpoint(brokerUrl), id, password };
  }
  const { id, password } = own;
  if (id === undefined) throw missing(sources, 'client-id', 'DCV_SM_CLIENT_ID');
  if (password === undefined) throw missing(sources, 'client-password', 'DCV_SM_CLIENT_PASSWORD');
  const said = authServer(sources, flags.authServerUrl, env['DCV_SM_AUTH_SERVER_URL']);
  return { authServerUrl: said ?? authServerInFile(sources) ?? ownEndpoint(brokerUrl), id, password };
}

const ownEndpoint = (brokerUrl: string): string => `${brokerUrl}/oauth2/token?grant_type=client_credentials`;

function authServer(sources: Sources, byFlag: string | undefined, byVariable: string | undefined): string | undefined {
  if (byFlag !== undefined) return url(sources, { value: byFlag, from: '--auth-server-url' });
  return byVariable ? url(sources, { value: byVariable, from: 'DCV_SM_AUTH_SERVER_URL' }) : undefined;
}

function authServerInFile(sources: Sources): string | undefined {
  const value = saidInFile(sources, 'authentication.auth-server-url');
  return value === undefined ? undefined : url(sources, { value, from: 'authentication.auth-server-url' });
}

function missing({ env, file }: Sources, key: string, variable: string): ClientFault {
  const conf = file.path ?? usualFile(env);
  return misconfigured(`No ${key} is given. Set ${variable}, or write ${key} into section [authentication] of ${conf}.`);
}

/** A bundle on the command line says more than what a file says for all commands. */
const isUnverified = (sources: Sources): boolean =>
  sources.flags.verifySsl === false || (sources.flags.caBundle === undefined && flag(sources, 'security.no-verify-ssl'));

/** What a file names stands beside that file; what the command line names starts from where the command was given. */
async function trusted(sources: Sources, local: ConnectionFile | undefined): Promise<string | undefined> {
  const { flags, file } = sources;
  const said = saidInFile(sources, 'security.ca-bundle');
  const beside = file.path === undefined || said === undefined ? undefined : resolve(dirname(file.path), said);
  const path = flags.caBundle ?? (flags.dataDir === undefined ? beside : undefined) ?? local?.caFile;
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    if (flags.caBundle !== undefined) throw usage(`--ca-bundle: ${path} cannot be read: ${error.message}`);
    throw misconfigured(`The certificates in ${path} cannot be read: ${error.message}`, error);
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw flags.caBundle === undefined
    ? misconfigured(`${path} holds no certificate in PEM.`)
    : usage(`--ca-bundle: ${path} holds no certificate in PEM.`);
}

function format(sources: Sources): OutputFormat | undefined {
  const { outputFormat } = sources.flags;
  const said = outputFormat ?? saidInFile(sources, 'output.output-format');
  if (said === undefined) return undefined;
  const found = FORMATS.find((name) => name === said.toLowerCase());
  if (found !== undefined) return found;
  if (outputFormat !== undefined) throw usage(`--output-format must be json or table, not "${said}".`);
  throw misconfigured(`${placeOf(sources, 'output.output-format')} must be json or table, not "${said}".`);
}

function flag(sources: Sources, key: FileKey): boolean {
  const said = saidInFile(sources, key)?.toLowerCase();
  if (said === undefined || /^(false|no|off|0)$/.test(said)) return false;
  if (/^(true|yes|on|1)$/.test(said)) return true;
  throw misconfigured(`${placeOf(sources, key)} must be true or false, not "${said}".`);
}

/** Reading the text of a setting as what it has to be. Each throws ConfigError with a sentence that names the setting, and no secret. */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { ConfigError, type Setting } from './setting.ts';

/** Also what the command line reads its own numbers with. */
export function wholeNumber({ value, from }: Setting, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value.trim()) && number >= least && number <= most) return number;
  throw new ConfigError(`${from} must be a whole number from ${least} to ${most}, not "${value}".`);
}

export function trueOrFalse({ value, from }: Setting): boolean {
  const word = value.trim().toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  throw new ConfigError(`${from} must be true or false, not "${value}".`);
}

export function text({ value, from }: Setting): string {
  if (value.trim() !== '') return value.trim();
  throw new ConfigError(`${from} must not be empty.`);
}

/** Absolute; undefined where there is none. */
export function path({ value }: Setting, workingFolder: string): string | undefined {
  return value.trim() === '' ? undefined : resolve(workingFolder, value.trim());
}

/** The value is not repeated in the message, because it may hold a password. */
export function eventLog({ value, from }: Setting): string | undefined {
  const address = value.trim();
  if (address === '' || SERVER_ADDRESS.test(address)) return address === '' ? undefined : address;
  throw new ConfigError(`${from} must be the address of an EventStoreDB or KurrentDB, such as esdb://host:2113.`);
}

/** As EventStoreDB's clients write it. */
const SERVER_ADDRESS = /^(?:esdb|kurrentdb)(?:\+discover)?:\/\/[^/?]/;

/** Without a slash at the end, and without the path for traces that some write behind it; undefined for `off`. The value is not repeated: it may hold a password. */
export function otlpEndpoint({ value, from }: Setting): string | undefined {
  if (value.trim() === '' || value.trim().toLowerCase() === 'off') return undefined;
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    return url.href.replace(/(?:\/v1\/traces)?\/*$/, '');
  }
  throw new ConfigError(`${from} must be the address of an OpenTelemetry collector, such as http://127.0.0.1:4318, or off.`);
}

export function streamPrefix({ value, from }: Setting): string {
  const prefix = value.trim();
  if (STREAM_PREFIX.test(prefix)) return prefix;
  throw new ConfigError(`${from} must consist of letters, digits and "_" and end with a dot, such as "acme.", not "${value}".`);
}

/** No `-`: EventStoreDB groups streams by what stands before the first one. */
const STREAM_PREFIX = /^(?:[A-Za-z0-9_]+\.)*$/;

const HOST_NAME = /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u;

/** Names and addresses, separated by commas. */
export function hosts({ value, from }: Setting, most: number): readonly string[] {
  const items = value.split(',').map((item) => item.trim());
  const named = items.filter((item) => item !== '');
  const wrong = named.find((item) => isIP(item) === 0 && !HOST_NAME.test(item)) ?? named[most];
  if (wrong === undefined) return named;
  throw new ConfigError(
    `${from} must be ${most === 1 ? 'a host name or an address' : `up to ${most} host names and addresses, separated by commas`}, not "${value}".`,
  );
}

/** Capital letters do not matter. */
export function oneOf<T extends string>({ value, from }: Setting, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new ConfigError(`${from} must be ${allowed.join(' or ')}, not "${value}".`);
}

const MOST_SCOPES = 20;

/** Separated by spaces, as tokens have them (RFC 6749, section 3.3). */
export function scopes({ value, from }: Setting): readonly string[] {
  const named = value.split(' ').filter((scope) => scope !== '');
  if (named.length <= MOST_SCOPES && named.every((scope) => SCOPE.test(scope))) return named;
  throw new ConfigError(`${from} must be up to ${MOST_SCOPES} scopes, separated by spaces, not "${value}".`);
}

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/** What `dcv` says of its server: its version, and where clients reach it. */
import type { HostDescription } from './driver.ts';

export type DcvServer = Pick<HostDescription, 'version' | 'port' | 'webUrlPath' | 'endpoints'>;

type Endpoint = HostDescription['endpoints'][number];

const DEFAULT_PORT = 8443;
const DEFAULT_PATH = '/';
/** The wire takes no more. */
const MAX_ENDPOINTS = 100;

/** `text` is what `dcv version` prints. The build goes behind the version: `DCV 2024.0 (r18131)` is 2024.0.18131. */
export function readVersion(text: string): string | undefined {
  const [, version, build] = /\b(\d{4}(?:[.-]\d+){1,8})(?:\s*\(r(\d+)\))?/.exec(text) ?? [];
  return build === undefined ? version : `${version}.${build}`;
}

/**
 * What clients are told. A server that does not say how it is reached gets the default port and HTTP alone: every DCV server has that one, QUIC has to
 * be switched on, and a client that is promised it in vain waits for it.
 */
export function describeServer(version: string | undefined, endpoints: readonly Endpoint[]): DcvServer {
  const known: readonly Endpoint[] =
    endpoints.length > 0 ? endpoints : [{ port: DEFAULT_PORT, protocol: 'HTTP', webUrlPath: DEFAULT_PATH }];
  const main = known.find(({ protocol }) => protocol === 'HTTP') ?? known[0];
  return {
    version: version ?? 'unknown',
    port: main?.port ?? DEFAULT_PORT,
    webUrlPath: main?.webUrlPath ?? DEFAULT_PATH,
    endpoints: known,
  };
}

/**
 * The shape of `dcv list-endpoints -j` is documented nowhere, so several are understood: a list, an object with a list `endpoints`, or an object with a
 * member for each protocol; each endpoint an object, or a URL. What cannot be read is passed over.
 */
export function readEndpoints(json: string): readonly Endpoint[] {
  try {
    return entriesIn(JSON.parse(json)).flatMap(endpointFrom).slice(0, MAX_ENDPOINTS);
  } catch {
    return [];
  }
}

/** Each with the protocol that it is filed under, if it is. */
function entriesIn(value: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.map((entry) => ['', entry]);
  if (!isObject(value)) return [];
  if ('endpoints' in value) return entriesIn(value['endpoints']);
  if ('port' in value) return [['', value]];
  return Object.entries(value).flatMap(([key, entry]) => [entry].flat().map((each): [string, unknown] => [key, each]));
}

function endpointFrom([filedUnder, entry]: readonly [string, unknown]): readonly Endpoint[] {
  const fields = typeof entry === 'string' ? fieldsOfUrl(entry) : entry;
  if (!isObject(fields)) return [];
  const [address, portInAddress] = splitAddress(textIn(fields, 'ip-address', 'ip', 'address', 'host'));
  const port = Number(fields['port'] ?? portInAddress);
  const protocol = protocolFrom(textIn(fields, 'protocol', 'transport', 'type', 'name') ?? filedUnder);
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || protocol === undefined) return [];
  const path = textIn(fields, 'web-url-path', 'url-path', 'path');
  const ipAddress = address === undefined || /^(?:0\.0\.0\.0|::|\*)$/.test(address) ? undefined : address;
  return [{ ...(ipAddress && { ipAddress }), port, protocol, ...(protocol === 'HTTP' && { webUrlPath: path ?? DEFAULT_PATH }) }];
}

function protocolFrom(text: string): Endpoint['protocol'] | undefined {
  if (/quic|udp/i.test(text)) return 'QUIC';
  return /http|web|tcp|tls/i.test(text) ? 'HTTP' : undefined;
}

function fieldsOfUrl(text: string): object | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(text);
  return { protocol, host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port || DEFAULT_PORT, path: pathname || DEFAULT_PATH };
}

/** `10.0.0.1:8443`, `[::]:8443`, `10.0.0.1`, `::1` */
function splitAddress(text: string | undefined): readonly [string | undefined, string | undefined] {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text ?? '') ?? [];
  return port === undefined ? [text, undefined] : [bracketed ?? plain, port];
}

function textIn(fields: Readonly<Record<string, unknown>>, ...names: readonly string[]): string | undefined {
  const found = names
    .map((name) => fields[name] ?? fields[name.replaceAll('-', '_')])
    .find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' && found.length <= 1024 ? found : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

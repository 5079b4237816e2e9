/**
 * The settings of a broker that have an effect, and what each is as long as nobody says otherwise. Names and defaults are those of the original's
 * `session-manager-broker.properties`; what it does not have is called `berth.…`. Those of its insides are in no-effect.ts.
 */
import type { Setting } from './setting.ts';

export const DEFAULTS = {
  'berth.data-dir': 'berth-data',
  'berth.event-log': '',
  'berth.stream-prefix': '',
  'berth.bind-host': '127.0.0.1',
  'berth.advertised-host': '',
  'berth.certificate-names': '',
  'berth.cluster-key-file': '',
  'client-to-broker-connector-https-port': '8443',
  'client-to-broker-connector-bind-host': '',
  'client-to-broker-connector-key-store-file': '',
  'client-to-broker-connector-key-store-pass': '',
  'agent-to-broker-connector-https-port': '8445',
  'agent-to-broker-connector-bind-host': '',
  'agent-to-broker-connector-key-store-file': '',
  'agent-to-broker-connector-key-store-pass': '',
  'enable-gateway': 'false',
  'gateway-to-broker-connector-https-port': '8447',
  'gateway-to-broker-connector-bind-host': '',
  'gateway-to-broker-connector-key-store-file': '',
  'gateway-to-broker-connector-key-store-pass': '',
  'enable-tls-client-auth-gateway': 'false',
  'gateway-to-broker-connector-trust-store-file': '',
  'gateway-to-broker-connector-trust-store-pass': '',
  'enable-authorization': 'true',
  'enable-authorization-server': 'true',
  'enable-agent-authorization': 'true',
  'berth.required-audience': '',
  'berth.required-scope': '',
  'berth.external-scopes': 'ignored',
  'enable-api-yaml': 'true',
  'max-api-requests-per-second': '1000',
  'enable-throttling-forwarded-for-header': 'false',
  'session-screenshot-max-width': '160',
  'session-screenshot-max-height': '100',
  'session-screenshot-format': 'png',
  'create-sessions-queue-max-size': '1000',
  'create-sessions-queue-max-time-seconds': '1800',
  'create-sessions-number-of-retries-on-failure': '2',
  'berth.placement-policy': 'least-loaded',
  'berth.metrics': 'local',
  'berth.log-level': '',
  'berth.log-directory': '',
  'berth.log-rotation': 'daily',
  'berth.log-max-file-size': '10485760',
  'berth.log-rotate': '9',
  'berth.otlp-endpoint': '',
  'berth.checkpoint-interval-seconds': '60',
  'connect-session-token-duration-minutes': '60',
  'delete-session-duration-hours': '1',
  'delete-session-duration-seconds': '',
  'berth.session-creation-timeout-seconds': '300',
  'berth.session-deletion-timeout-seconds': '300',
  'seconds-before-deleting-unreachable-dcv-server': '1800',
  'seconds-before-deleting-sessions-unreachable-server': '',
  'autorun-file-arguments-max-size': '50',
  'autorun-file-arguments-max-argument-length': '150',
} as const;

export type SettingName = keyof typeof DEFAULTS;

export type Settings = Readonly<Partial<Record<SettingName, Setting>>>;

export const SETTINGS = Object.keys(DEFAULTS) as readonly SettingName[];

/** Older names that go on working. */
export const ALIASES: Readonly<Record<string, SettingName>> = { 'event-log': 'berth.event-log' };

/** What stands in for a setting that nobody has set. */
const STANDS_IN: Readonly<Partial<Record<SettingName, SettingName>>> = {
  'client-to-broker-connector-bind-host': 'berth.bind-host',
  'agent-to-broker-connector-bind-host': 'berth.bind-host',
  'gateway-to-broker-connector-bind-host': 'berth.bind-host',
};

/** Where the doors of the broker listen, each by a name of its own. */
export const BIND_HOSTS = Object.keys(STANDS_IN) as readonly SettingName[];

/** What holds for a setting: what somebody said, else what stands in for it, else its default. */
export function settingOf(settings: Settings, name: SettingName): Setting {
  const other = STANDS_IN[name];
  return settings[name] ?? (other === undefined ? { value: DEFAULTS[name], from: name, at: 'default' } : settingOf(settings, other));
}

/** Whether a value may be shown. The password of an address is in its middle, so that is cut out instead. */
const isSecret = (name: string): boolean => /-(?:pass|password)$/.test(name);

/** For people: with `***` in the place of what is secret. */
export function shown(name: string, value: string): string {
  if (isSecret(name)) return value === '' ? '' : '***';
  return value.replace(/(:\/\/[^/?@:]*):[^/?]*@/, '$1:***@').replace(/([?&;](?:password|pass|token)=)[^&;]*/gi, '$1***');
}
